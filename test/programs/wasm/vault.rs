//! A lock that opens after the right digits, and remembers what was tried in a Vec and a BTreeMap.
//!   rustc --target wasm32-unknown-unknown -O -C panic=abort -C strip=symbols --crate-type cdylib vault.rs   (1.63)
use std::collections::BTreeMap;

static mut TRIED: Option<(Vec<u32>, BTreeMap<u32, String>)> = None;

#[allow(static_mut_refs)]
fn tried() -> &'static mut (Vec<u32>, BTreeMap<u32, String>) {
    unsafe { TRIED.get_or_insert_with(|| (Vec::new(), BTreeMap::new())) }
}

#[no_mangle]
pub extern "C" fn alternatives() -> i32 {
    let (digits, _) = tried();
    if digits.len() >= 5 { -1 } else { 3 }
}

#[no_mangle]
pub extern "C" fn choose(alternative: u32) {
    let (digits, words) = tried();
    match alternative {
        0 => digits.push(digits.len() as u32 % 3),
        1 => {
            digits.push(7);
            words.insert(digits.len() as u32, format!("{:?}", digits).repeat(2000));
        }
        _ => {
            digits.push(9);
            if let Some((&key, _)) = words.iter().next() {
                words.remove(&key);
            }
        }
    }
    assert!(digits != &[0, 7, 9, 0], "the vault is open");
}

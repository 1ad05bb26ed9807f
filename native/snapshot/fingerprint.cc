#include "snapshot/fingerprint.h"

#include "store/page_hash.h"

namespace pagestore {

namespace {

__extension__ using Wide = unsigned __int128;

Wide wide(const Fingerprint& fingerprint) {
  return (Wide{fingerprint.high} << 64) | fingerprint.low;
}

Fingerprint narrow(Wide sum) {
  return {static_cast<uint64_t>(sum), static_cast<uint64_t>(sum >> 64)};
}

Wide term(PageStores& stores, VirtualPage virtual_page, Child page) {
  if (page == Child::absent) return 0;
  const WideHash hash = xxh3_wide(stores.pages.bytes(number_of(page)), page_size(), virtual_page);
  return (Wide{hash.high} << 64) | hash.low;
}

// The fingerprint of tree `to`, from that of tree `from`.
Fingerprint advance(PageStores& stores, const Fingerprint& fingerprint, const PageTree& from, const PageTree& to) {
  Wide sum = wide(fingerprint);
  PageTables(stores).differences(from, to, 0, UINT64_MAX, [&](VirtualPage virtual_page, Child old, Child now) {
    sum += term(stores, virtual_page, now) - term(stores, virtual_page, old);
  });
  return narrow(sum);
}

}  // namespace

Status Fingerprints::of(PageStores& stores, const PageTree& memory, Fingerprint* fingerprint) {
  OwnedTree ours;
  if (Status status = OwnedTree::ref(stores, memory, &ours); !status.is_ok()) return status;
  fingerprint_ = *fingerprint = advance(stores, fingerprint_, memory_, memory);
  replace(stores, &memory_, std::move(ours));
  return Status::ok();
}

void Fingerprints::release(PageStores& stores) {
  give_back(stores, &memory_);
  fingerprint_ = {};
}

}  // namespace pagestore

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

// From the fingerprint of tree `from` to that of tree `to`.
Status advance(PageStores& stores, const PageTree& from, const PageTree& to, Fingerprint* fingerprint) {
  Wide sum = wide(*fingerprint);
  const auto exchange = [&](VirtualPage virtual_page, Child old, Child now) {
    sum += term(stores, virtual_page, now) - term(stores, virtual_page, old);
    return Status::ok();
  };
  if (Status status = PageTables(stores).differences(from, to, 0, UINT64_MAX, exchange); !status.is_ok()) return status;
  *fingerprint = narrow(sum);
  return Status::ok();
}

}  // namespace

Status Fingerprints::of(PageStores& stores, const PageTree& memory, Fingerprint* fingerprint) {
  OwnedTree ours;
  if (Status status = OwnedTree::ref(stores, memory, &ours); !status.is_ok()) return status;
  if (Status status = advance(stores, memory_, memory, &fingerprint_); !status.is_ok()) return status;
  *fingerprint = fingerprint_;
  replace(stores, &memory_, std::move(ours));
  return Status::ok();
}

void Fingerprints::release(PageStores& stores) {
  give_back(stores, &memory_);
  fingerprint_ = {};
}

}  // namespace pagestore

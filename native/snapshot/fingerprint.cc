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

Wide term(PageStores& stores, VirtualPage place, Child page) {
  if (page == Child::absent) return 0;
  const WideHash hash = xxh3_wide(stores.pages.bytes(number_of(page)), page_size(), place);
  return (Wide{hash.high} << 64) | hash.low;
}

Fingerprint moved(PageStores& stores, const Fingerprint& from, const PageTree& was, const PageTree& is) {
  Wide sum = wide(from);
  PageTables(stores).differences(was, is, 0, UINT64_MAX, [&](VirtualPage place, Child old, Child now) {
    sum += term(stores, place, now) - term(stores, place, old);
  });
  return narrow(sum);
}

}  // namespace

Status Fingerprints::of(PageStores& stores, const PageTree& memory, Fingerprint* fingerprint) {
  PageTables tables(stores);
  if (Status status = tables.ref(memory); !status.is_ok()) return status;
  fingerprint_ = *fingerprint = moved(stores, fingerprint_, memory_, memory);
  tables.unref(memory_);
  memory_ = memory;
  return Status::ok();
}

void Fingerprints::release(PageStores& stores) {
  PageTables(stores).unref(memory_);
  memory_ = {};
  fingerprint_ = {};
}

}  // namespace pagestore

// The list of regions (system/region.h) of a snapshot: it is stored, and read where it is stored.
//
// It leaves to its caller: to have the stores' lock.
#pragma once

#include "snapshot/stored_bytes.h"
#include "system/region.h"

namespace pagestore {

// The bytes of a stored list, to be read.
inline Status read_regions(PageStores& stores, const PageTree& regions, GrowingArray<std::byte>* bytes) {
  return read_stored_bytes(stores, regions, bytes);
}

// Whether regions cover all of `range`. Refused with the first address that none covers.
Status check_covered(PageStores& stores, const PageTree& regions, const AddressRange& range);

// The end of the last region that is captured and starts below `below`; 0 without one, since an empty memory ends where
// it starts.
Status find_end(PageStores& stores, const PageTree& regions, uint64_t below, uint64_t* end);

}  // namespace pagestore

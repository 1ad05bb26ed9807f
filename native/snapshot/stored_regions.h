// The list of regions (system/region.h) of a snapshot: it is stored, and read where it is stored.
//
// It leaves to its caller: to have the stores' lock.
#pragma once

#include "snapshot/page_table.h"
#include "system/region.h"

namespace pagestore {

// The bytes of a stored list, to be read.
Status read_regions(PageStores& stores, const PageTree& regions, GrowingArray<std::byte>* bytes);

// Whether regions cover all of `range`. Refused with the first address that none covers.
Status check_covered(PageStores& stores, const PageTree& regions, const AddressRange& range);

// The end of the last region that starts below `below`; 0 without one, since an empty memory ends where it starts.
uint64_t end_of_regions(PageStores& stores, const PageTree& regions, uint64_t below = UINT64_MAX);

}  // namespace pagestore

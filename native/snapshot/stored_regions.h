// Lists of regions (system/region.h) as a snapshot holds them: stored, and read without being unpacked.
#pragma once

#include "snapshot/page_table.h"
#include "system/region.h"

namespace pagestore {

// The bytes of a stored list, to be read.
Status read_regions(PageStores& stores, const PageTree& regions, GrowingArray<std::byte>* bytes);

// Whether `range` lies in regions without a gap. Refused with what lies outside.
Status check_covered(PageStores& stores, const PageTree& regions, const AddressRange& range);

// The end of the last region; 0 where there is none.
uint64_t end_of_regions(PageStores& stores, const PageTree& regions);

}  // namespace pagestore

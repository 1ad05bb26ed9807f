// The ranges that a program declared by include/pagestore.h: bytes that are its state, and bytes that do not
// count. Their layout in its memory is that of ptrace/trap.h.
//
// What lies in the memory of a program under check can be anything: what is not a declaration, or not yet,
// declares nothing, and ranges that are empty or wrap are left out.
#pragma once

#include "snapshot/page_table.h"
#include "system/address_range.h"

namespace pagestore {

struct StateRanges {
  GrowingArray<AddressRange> tracked, ignored;
};

// Adds what is declared at `address` of `memory`.
Status read_declared_ranges(PageStores& stores, const PageTree& memory, uint64_t address, StateRanges* ranges);

}  // namespace pagestore

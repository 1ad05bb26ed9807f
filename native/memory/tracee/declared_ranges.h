// The ranges that a program declared by include/pagestore.h: bytes that are its state, and bytes that do not
// count. Their layout in its memory is that of ptrace/trap.h.
//
// What lies in the memory of a program under check can be anything: what is not a declaration, or not yet, declares
// nothing, and neither do ranges that are empty. Refused are a state that wraps, declarations that are not captured,
// and those of a header that is newer than this.
#pragma once

#include "snapshot/page_table.h"
#include "system/address_range.h"
#include "system/region.h"

namespace pagestore {

struct StateRanges {
  GrowingArray<AddressRange> tracked, ignored;
};

// The memory of a tracee that was just captured.
struct DeclaringMemory {
  PageStores& stores;
  const PageTree& memory;
  const RegionList& regions;
};

// Adds what is declared at `address`.
Status read_declared_ranges(const DeclaringMemory& memory, uint64_t address, StateRanges* ranges);

}  // namespace pagestore

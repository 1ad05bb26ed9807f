#include "ptrace/memory_changes.h"

#include "system/page_size.h"

namespace pagestore {

void MemoryChanges::add_advice(uint64_t address, uint64_t length) {
  const uint64_t start = address / page_size() * page_size();
  AddressRange range;
  if (!range_of(start, round_up(address - start + length, page_size()), &range).is_ok()) return;
  // Without room to note the range, all of the memory counts as changed.
  if (!advised_.append(range)) has_changed_mappings_ = true;
}

}  // namespace pagestore

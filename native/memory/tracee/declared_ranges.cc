#include "memory/tracee/declared_ranges.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>

#include "ptrace/trap.h"
#include "snapshot/stored_bytes.h"

namespace pagestore {

namespace {

Status append(std::span<const trap::Range> declared, GrowingArray<AddressRange>* ranges) {
  for (const trap::Range& each : declared) {
    AddressRange range;
    if (!range_of(each.start, each.length, &range).is_ok()) continue;
    if (!ranges->append(range)) return Status::out_of_memory("realloc", sizeof(range), ENOMEM);
  }
  return Status::ok();
}

}  // namespace

Status read_declared_ranges(PageStores& stores, const PageTree& memory, uint64_t address, StateRanges* ranges) {
  trap::Ranges declared;
  const auto head = std::as_writable_bytes(std::span(&declared, 1)).first(offsetof(trap::Ranges, state));
  read_memory(stores, memory, address, head);
  if (declared.number != trap::kRangesNumber || declared.is_checked == 0) return Status::ok();
  const auto read = [&](trap::Range* to, uint64_t offset, uint32_t count) {
    const std::span range(to, std::min(count, trap::kMostRanges));
    read_memory(stores, memory, address + offset, std::as_writable_bytes(range));
    return range;
  };
  const auto states = read(declared.state, offsetof(trap::Ranges, state), declared.states);
  if (Status status = append(states, &ranges->tracked); !status.is_ok()) return status;
  const auto ignored = read(declared.ignore, offsetof(trap::Ranges, ignore), declared.ignored);
  return append(ignored, &ranges->ignored);
}

}  // namespace pagestore

#include "memory/tracee/declared_ranges.h"

#include <algorithm>
#include <cstring>

#include "ptrace/trap.h"
#include "snapshot/stored_bytes.h"

namespace pagestore {

namespace {

// Where the ranges of one kind lie in the memory of the program, and how many there are.
struct RangeArray {
  uint64_t address = 0;
  uint32_t count = 0;
};

struct RangeArrays {
  RangeArray states, ignored;
};

RangeArrays arrays_at(uint64_t address, uint32_t most, uint32_t states, uint32_t ignored) {
  const uint64_t second = address + uint64_t{most} * sizeof(trap::Range);
  return {{address, std::min(states, most)}, {second, std::min(ignored, most)}};
}

// Of whichever layout lies at `address`; nothing of one that is not known.
RangeArrays find_arrays(PageStores& stores, const PageTree& memory, uint64_t address) {
  trap::Layout layout;
  read_memory(stores, memory, address, std::as_writable_bytes(std::span(&layout, 1)));
  if (layout.is_checked == 0) return {};
  if (layout.magic == trap::kRangesNumber) {
    trap::Ranges first;
    memcpy(&first, &layout, sizeof(first));
    return arrays_at(address + sizeof(first), trap::kMostRanges, first.states, first.ignored);
  }
  if (layout.magic != trap::kLayoutMagic || layout.version != trap::kLayoutVersion) return {};
  if (layout.most_ranges > trap::kMostRoom) return {};
  if (layout.size != sizeof(layout) + uint64_t{layout.most_ranges} * 2 * sizeof(trap::Range)) return {};
  return arrays_at(address + sizeof(layout), layout.most_ranges, layout.states, layout.ignored);
}

Status append(PageStores& stores, const PageTree& memory, const RangeArray& declared,
              GrowingArray<AddressRange>* ranges) {
  trap::Range part[64];
  for (uint32_t done = 0; done < declared.count;) {
    const std::span next(part, std::min<size_t>(std::size(part), declared.count - done));
    read_memory(stores, memory, declared.address + uint64_t{done} * sizeof(trap::Range), std::as_writable_bytes(next));
    done += static_cast<uint32_t>(next.size());
    for (const trap::Range& each : next) {
      AddressRange range;
      if (!range_of(each.start, each.length, &range).is_ok()) continue;
      if (!ranges->append(range)) return Status::no_memory(sizeof(range));
    }
  }
  return Status::ok();
}

}  // namespace

Status read_declared_ranges(PageStores& stores, const PageTree& memory, uint64_t address, StateRanges* ranges) {
  const RangeArrays declared = find_arrays(stores, memory, address);
  if (Status status = append(stores, memory, declared.states, &ranges->tracked); !status.is_ok()) return status;
  return append(stores, memory, declared.ignored, &ranges->ignored);
}

}  // namespace pagestore

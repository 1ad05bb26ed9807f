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

// Declarations of a library that was unloaded are gone with it. Elsewhere, what is not captured reads as zero.
Status check_captured(const RegionList& regions, uint64_t address) {
  RegionReader reader(regions.bytes());
  Region region;
  while (reader.next(&region)) {
    if (region.start <= address && address < region.end && !region.is_captured) {
      return Status::not_captured(address, sizeof(trap::Layout));
    }
  }
  return Status::ok();
}

// Of whichever layout lies at `address`; nothing of what is none.
Status find_arrays(const DeclaringMemory& memory, uint64_t address, RangeArrays* arrays) {
  trap::Layout layout;
  *arrays = {};
  const auto bytes = std::as_writable_bytes(std::span(&layout, 1));
  if (Status status = read_memory(memory.stores, memory.memory, address, bytes); !status.is_ok()) return status;
  if (layout.magic == 0) return check_captured(memory.regions, address);
  if (layout.is_checked == 0) return Status::ok();
  if (layout.magic == trap::kRangesNumber) {
    trap::Ranges first;
    memcpy(&first, &layout, sizeof(first));
    *arrays = arrays_at(address + sizeof(first), trap::kMostRanges, first.states, first.ignored);
  }
  if (layout.magic != trap::kLayoutMagic) return Status::ok();
  if (layout.version > trap::kLayoutVersion) {
    return Status::refused(Error::layout, layout.version, trap::kLayoutVersion);
  }
  const bool is_whole = layout.most_ranges <= trap::kMostRoom &&
                        layout.size == sizeof(layout) + uint64_t{layout.most_ranges} * 2 * sizeof(trap::Range);
  if (layout.version != trap::kLayoutVersion || !is_whole) return Status::ok();
  *arrays = arrays_at(address + sizeof(layout), layout.most_ranges, layout.states, layout.ignored);
  return Status::ok();
}

Status append(const DeclaringMemory& memory, const RangeArray& declared, bool may_wrap,
              GrowingArray<AddressRange>* ranges) {
  trap::Range part[64];
  for (uint32_t done = 0; done < declared.count;) {
    const std::span next(part, std::min<size_t>(std::size(part), declared.count - done));
    const uint64_t address = declared.address + uint64_t{done} * sizeof(trap::Range);
    Status status = read_memory(memory.stores, memory.memory, address, std::as_writable_bytes(next));
    if (!status.is_ok()) return status;
    done += static_cast<uint32_t>(next.size());
    for (const trap::Range& each : next) {
      if (each.length == 0) continue;
      const AddressRange range = as_far_as_it_goes(each.start, each.length);  // to ignore more does no harm
      if (range.length() != each.length && !may_wrap) return Status::refused(Error::address, each.start, each.length);
      if (!ranges->append(range)) return Status::no_memory(sizeof(range));
    }
  }
  return Status::ok();
}

}  // namespace

Status read_declared_ranges(const DeclaringMemory& memory, uint64_t address, StateRanges* ranges) {
  RangeArrays declared;
  if (Status status = find_arrays(memory, address, &declared); !status.is_ok()) return status;
  if (Status status = append(memory, declared.states, false, &ranges->tracked); !status.is_ok()) return status;
  return append(memory, declared.ignored, true, &ranges->ignored);
}

}  // namespace pagestore

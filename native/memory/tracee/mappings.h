// The mappings of a tracee as values: one canonical list, which of them a snapshot takes, and what has to change to
// make them what they were.
//
// The kernel may keep neighbours of the same kind as one mapping or as several, depending on how they came to be. In
// the canonical list they are one, so equal lists mean equal mappings. Nothing here touches a process: mapping_undo.h
// carries a plan out.
#pragma once

#include <optional>

#include "system/growing_array.h"
#include "system/region.h"

namespace pagestore {

// How a capture finds out what changed in a region.
enum class RegionClass : uint8_t {
  left_out,  // not captured: lent by the kernel, of a device, or a file's that others share
  tracked,   // by write-protection
  compared,  // page by page: shared memory, what nobody may read, and what is too large to be tracked
};

RegionClass classify(const Region& region);

// The canonical list of the regions that /proc/PID/maps lists.
Status merge_regions(const RegionList& from, RegionList* to);

struct MappingChange {
  enum class Kind : uint8_t { unmap, map, protect, grow_stack };
  Kind kind;
  AddressRange range;
  Region region;  // as it is to be; its path lies in the bytes of the wanted list
};

// What makes the mappings `now` into those `wanted`, in rising order. Lists are passed as their bytes. If the program
// break is going to be moved, the heap that this maps and unmaps is left out.
Status plan_changes(std::span<const std::byte> now, std::span<const std::byte> wanted, bool moves_break,
                    GrowingArray<MappingChange>* changes);

// The first address at which two lists differ; none if the mappings are the same.
std::optional<uint64_t> first_difference(std::span<const std::byte> a, std::span<const std::byte> b);

}  // namespace pagestore

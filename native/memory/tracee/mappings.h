// The mappings of a tracee: what they are, which of them a snapshot takes, and how to make them what they
// were.
//
// Mappings are listed in one way only: neighbours of the same kind are one, however the kernel happens to
// keep them. So equal lists mean equal mappings, however each came to be. Planning is pure; the plan is
// carried out by system calls that the tracee makes.
#pragma once

#include "system/growing_array.h"
#include "system/region.h"

namespace pagestore {

// What finds out about changes of a region's bytes.
enum class RegionCare : uint8_t {
  none,     // not captured: the kernel's, a device's, or a file's that others share
  tracked,  // can be watched
  looked,   // looked at each time: shared memory, what nobody may read, and what is too large to be watched
};

RegionCare care_for(const Region& region);

// `from`, as /proc/PID/maps has it, in the one way.
Status merge_regions(const RegionList& from, RegionList* to);

struct MappingChange {
  enum class Kind : uint8_t { unmap, map, protect, grow_stack };
  Kind kind;
  AddressRange range;
  Region region;  // as it is to be; the path lies in the list that is wanted
};

// Lists come as their bytes. What makes `now` into `wanted`, in rising order. If the program's break is to be moved,
// what moves with it is left out.
Status plan_changes(std::span<const std::byte> now, std::span<const std::byte> wanted, bool moves_break,
                    GrowingArray<MappingChange>* changes);

// The first address at which two lists differ; UINT64_MAX if they tell of the same mappings.
uint64_t first_difference(std::span<const std::byte> a, std::span<const std::byte> b);

}  // namespace pagestore

// The mappings of a tracee as values: one canonical list, which of them a snapshot takes, and what has to change to
// make them what they were.
//
// The kernel may keep neighbours of the same kind as one mapping or as several, depending on how they came to be, and
// it calls all of a mapping the heap that contains some of it. In the canonical list neighbours are one, but for what
// grows down, as the first stack does; and the heap is what lies below the program break and nothing else. So equal
// lists mean equal mappings. Nothing here touches a process: mapping_undo.h carries a plan out.
#pragma once

#include <optional>

#include "linux/memory_files.h"
#include "linux/program_layout.h"
#include "system/growing_array.h"
#include "system/region.h"

namespace pagestore {

// How a capture finds out what changed in a region.
enum class RegionClass : uint8_t {
  left_out,  // not captured: lent by the kernel, of a device, a file's that others share, or a guard
  tracked,   // by write-protection of all pages
  sparse,    // by write-protection of the pages that exist: of files, and of what was reserved and may never be used
  compared,  // page by page: shared memory
};

// Of a region in a canonical list.
RegionClass classify(const Region& region);

// Of a region in a canonical list: shared memory that a snapshot takes and the process may not write there.
bool is_closed(const Region& region);
// All of a canonical list.
Status find_closed(std::span<const std::byte> regions, RangeSet* closed);

// Of a region in a canonical list: shared memory without a name that lies somewhere before it, too.
bool is_mapped_twice(const Region& region);

// Memory of a process that has a name because of where it lies.
struct NamedMemory {
  AddressRange heap{};       // whole pages, up to the program break
  uint64_t stack_start = 0;  // an address in the first thread's stack, or 0 where it is not known
};
NamedMemory named_memory(const ProgramLayout& layout, uint64_t program_break);

// The canonical list of the regions that /proc/PID/maps lists.
Status merge_regions(const RegionList& from, const NamedMemory& named, const MemoryFiles& memory_files, RegionList* to);

// A canonical list in which pages, in rising order, are regions of their own: of guards nothing is captured; pages that
// are missing are asked for when they are touched.
Status part_guards(const RegionList& from, std::span<const AddressRange> guards, RegionList* to);
Status part_missing(const RegionList& from, std::span<const AddressRange> missing, RegionList* to);

struct MappingChange {
  enum class Kind : uint8_t { unmap, map, protect, grow_stack, guard, unguard, drop, ask, seal, unseal };
  Kind kind;
  AddressRange range;
  Region region;  // as it is to be; its path lies in the bytes of the wanted list
};

// What makes the mappings `now` into those `wanted`, in rising order; what is to be sealed comes last. Lists are passed
// as their bytes.
Status plan_changes(std::span<const std::byte> now, std::span<const std::byte> wanted,
                    GrowingArray<MappingChange>* changes);

// A list with `range` unmapped, but for `region`, if it is not null, which lies in that range.
Status replace_mappings(std::span<const std::byte> list, const AddressRange& range, const Region* region,
                        RegionList* to);
// Whether anything is mapped in `range`.
bool has_mapping(std::span<const std::byte> list, const AddressRange& range);

// The first address at which two lists differ; none if the mappings are the same.
std::optional<uint64_t> first_difference(std::span<const std::byte> a, std::span<const std::byte> b);

}  // namespace pagestore

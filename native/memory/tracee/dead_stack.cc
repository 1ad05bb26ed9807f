#include "memory/tracee/dead_stack.h"

#include <cstring>

namespace pagestore {

std::optional<AddressRange> find_dead_stack(const RegionList& regions, const Registers& registers) {
  const uint64_t end = registers.stack() - Registers::kRedZone;
  RegionReader reader(regions.bytes());
  Region region, below{};
  for (; reader.next(&region); below = region) {
    if (end < region.start || end >= region.end) continue;
    if (end == region.start) return {};
    const bool is_guarded = below.end == region.start && memcmp(below.permissions, "---p", 4) == 0 &&
                            region.path.empty() && below.path.empty();
    // The C library puts a thread's own data at the upper end of its stack.
    const bool has_thread_area = end < registers.thread_area() && registers.thread_area() < region.end;
    if (region.path != "[stack]" && !(is_guarded && has_thread_area)) return {};
    return AddressRange{region.start, end};
  }
  return {};
}

std::optional<AddressRange> find_ended_stack(const RegionList& regions) {
  RegionReader reader(regions.bytes());
  Region region;
  while (reader.next(&region)) {
    if (region.path == "[stack]") return AddressRange{region.start, region.end};
  }
  return {};
}

}  // namespace pagestore

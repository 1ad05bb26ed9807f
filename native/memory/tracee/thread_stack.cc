#include "memory/tracee/thread_stack.h"

#include <algorithm>
#include <cstring>

#include "system/page_size.h"

namespace pagestore {

namespace {

// The region that `address` lies in, and the one before it.
bool find_region(const RegionList& regions, uint64_t address, Region* found, Region* below) {
  *below = {};
  for (RegionReader reader(regions.bytes()); reader.next(found); *below = *found) {
    if (found->start <= address && address < found->end) return true;
  }
  return false;
}

// What the C library knows of a thread lies above its thread area, on arm64 below it.
#if defined(__x86_64__)
constexpr int64_t kDescriptor = 0;
#else
constexpr int64_t kDescriptor = -2048;
#endif

// Whether the thread's descriptor has the address and the length of a block that begins in the guard right below
// `stack` and contains the thread area. Then the block was made for this thread alone.
bool owns_all(const Region& stack, const Region& guard, uint64_t thread_area, MemoryReader& memory) {
  const bool is_guarded = guard.end == stack.start && guard.path.empty() && memcmp(guard.permissions, "---p", 4) == 0;
  uint64_t words[256];
  if (!is_guarded ||
      !memory.read(thread_area + static_cast<uint64_t>(kDescriptor), std::as_writable_bytes(std::span(words)))) {
    return false;
  }
  for (size_t i = 0; i + 1 < std::size(words); ++i) {
    const uint64_t start = words[i], end = start + words[i + 1];
    const bool is_block = guard.start <= start && start < guard.end && thread_area < end && end <= stack.end;
    if (is_block && start % page_size() == 0 && end % page_size() == 0) return true;
  }
  return false;
}

}  // namespace

std::optional<AddressRange> find_thread_stack(const StackSources& sources, const TracedThread& thread, bool is_first,
                                              uint64_t thread_area) {
  Region stack, below;
  if (is_first) {
    if (!find_region(sources.regions, sources.first_stack, &stack, &below)) return {};
    return AddressRange{stack.start, sources.first_stack};
  }
  const AddressRange& born = thread.first_stack();
  if (born.end == 0 || !find_region(sources.regions, born.end - 1, &stack, &below)) return {};
  if (born.length() > 0) return AddressRange{std::max(born.start, stack.start), born.end};
  const bool has_area = born.end <= thread_area && thread_area < stack.end;
  if (!has_area || !owns_all(stack, below, thread_area, sources.memory)) return {};
  return AddressRange{stack.start, born.end};
}

}  // namespace pagestore

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

// What the C library notes of a block that was made for one thread: where it is, and where above its guard the stack
// begins.
struct ThreadBlock {
  AddressRange block;
  uint64_t stack;
};

// The block in the thread's descriptor that ends in `last`, and contains the thread area. Behind its address and its
// length the descriptor has how long the guard is (glibc), or where the stack ends and how long it is (musl).
std::optional<ThreadBlock> find_block(const Region& last, uint64_t thread_area, MemoryReader& memory) {
  uint64_t words[256];
  if (!memory.read(thread_area + static_cast<uint64_t>(kDescriptor), std::as_writable_bytes(std::span(words)))) {
    return {};
  }
  for (size_t i = 0; i + 3 < std::size(words); ++i) {
    const AddressRange block{words[i], words[i] + words[i + 1]};
    const bool is_block = block.start < thread_area && thread_area < block.end && last.start < block.end &&
                          block.end <= last.end && block.start % page_size() == 0 && block.end % page_size() == 0;
    if (!is_block) continue;
    for (const uint64_t stack : {block.start + words[i + 2], words[i + 2] - words[i + 3]}) {
      const bool is_stack = block.start <= stack && stack < thread_area && stack % page_size() == 0;
      if (is_stack) return ThreadBlock{block, stack};
    }
  }
  return {};
}

bool is_guard(const Region& region, const Region& stack) {
  const bool is_inaccessible = region.is_guard || memcmp(region.permissions, "---p", 4) == 0;
  return region.end == stack.start && region.path.empty() && is_inaccessible;
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
  const bool has_area = born.end <= thread_area && thread_area < stack.end;
  const std::optional<ThreadBlock> known =
      has_area ? find_block(stack, thread_area, sources.memory) : std::optional<ThreadBlock>();
  // What the program has put in place of the guard is no stack.
  if (born.length() > 0) {
    const uint64_t start = known && known->block.start <= born.start ? std::max(born.start, known->stack) : born.start;
    return AddressRange{std::max(start, stack.start), born.end};
  }
  const bool is_block = known && is_guard(below, stack) && below.start <= known->block.start;
  if (!is_block || known->block.start >= below.end || known->stack != stack.start) return {};
  return AddressRange{stack.start, born.end};
}

}  // namespace pagestore

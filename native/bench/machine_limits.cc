#include "machine_limits.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstring>

#include "core.h"
#include "stopwatch.h"
#include "store/page_hash.h"
#include "store/page_memory.h"

namespace pagestore::bench {

double compare(std::span<const Pair> pairs) {
  return nanoseconds_per(pairs.size(), [&] {
    for (const Pair& pair : pairs) benchmark::DoNotOptimize(memcmp(pair.source, pair.stored, page_size()));
  });
}

double hash_and_compare(std::span<const Pair> pairs, size_t rounds) {
  return nanoseconds_per(pairs.size() * rounds, [&] {
    for (size_t round = 0; round < rounds; ++round) {
      for (const Pair& pair : pairs) {
        benchmark::DoNotOptimize(xxh3(pair.source, page_size()));
        benchmark::DoNotOptimize(memcmp(pair.source, pair.stored, page_size()));
      }
    }
  });
}

double copy(std::span<const Pair> pairs) {
  return nanoseconds_per(pairs.size(), [&] {
    for (const Pair& pair : pairs) {
      benchmark::DoNotOptimize(memcpy(const_cast<std::byte*>(pair.stored), pair.source, page_size()));
    }
  });
}

double populate_and_copy() {
  PageMemory memory(open_backing_file());
  return nanoseconds_per(pages(), [&] {
    for (size_t done = 0; done < pages(); done = memory.capacity()) {
      must(memory.grow(memory.capacity_for(done + 1, kMostPages)));
      for (size_t i = done; i < std::min(memory.capacity(), pages()); ++i) {
        benchmark::DoNotOptimize(memcpy(memory.page(page_number(i)), source_page(i), page_size()));
      }
    }
  });
}

void prewarm(size_t pages) {
  PageMemory memory(open_backing_file());
  must(memory.grow(memory.capacity_for(pages, kMostPages)));
}

}  // namespace pagestore::bench

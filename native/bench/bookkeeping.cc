// What a page costs beside its bytes, at the worst moment while a store grows. The smallest store is left out: each of
// its four tables takes whole pages of the system.
#include <benchmark/benchmark.h>

#include <algorithm>

#include "core.h"

namespace pagestore::bench {

namespace {

void bookkeeping(benchmark::State& state) {
  constexpr size_t kBatch = 256;
  for (auto _ : state) {
    CoreStore core;
    double most = 0;
    for (size_t i = 0; i < pages(); ++i) {
      core.store(source_page(i));
      if (i % kBatch != 0) continue;
      const StoreStats stats = core.stats();
      if (stats.growths == 1) continue;
      most = std::max(most, static_cast<double>(stats.bookkeeping_bytes) / static_cast<double>(stats.capacity));
    }
    state.counters["bytes"] = most;
  }
}

BENCHMARK(bookkeeping)->Iterations(1);

}  // namespace

}  // namespace pagestore::bench

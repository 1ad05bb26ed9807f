// Storing what is stored already: in order, at random, from the caches, and one page at a time.
#include <benchmark/benchmark.h>

#include "core.h"
#include "machine_limits.h"
#include "peer.h"
#include "stopwatch.h"

namespace pagestore::bench {

namespace {

// Stores the source from its beginning; its pages lie in the stores in the order that `order` says.
void duplicates(benchmark::State& state, const std::vector<uint32_t>& order, size_t rounds, bool hot) {
  const auto batch = static_cast<size_t>(state.range(0));
  const size_t count = order.size();
  CoreStore core;
  core.fill(order);
  std::vector<PageNumber> numbers(count);
  core.store(count, batch, numbers);
  const std::vector<Pair> pairs = core.pairs(numbers);
  Peer peer;
  for (const uint32_t i : order) peer.store(source_page(i));

  Sides sides(state);
  for (auto _ : state) {
    sides.core(count * rounds, nanoseconds_per(count * rounds, [&] {
                 for (size_t round = 0; round < rounds; ++round) core.store(count, batch, numbers);
               }));
    sides.limit(hot ? hash_and_compare(pairs, rounds) : compare(pairs));
    sides.peer(nanoseconds_per(count * rounds, [&] {
      for (size_t round = 0; round < rounds; ++round) {
        for (size_t i = 0; i < count; ++i) benchmark::DoNotOptimize(peer.store(source_page(i)));
      }
    }));
  }
}

void duplicates_in_order(benchmark::State& state) {
  duplicates(state, in_order(pages()), 1, false);
}

void duplicates_at_random(benchmark::State& state) {
  duplicates(state, shuffled(pages()), 1, false);
}

void duplicates_hot(benchmark::State& state) {
  duplicates(state, in_order(kHotPages), 400, true);
}

BENCHMARK(duplicates_in_order)->Arg(256)->Arg(4096)->Iterations(3)->UseManualTime();
BENCHMARK(duplicates_at_random)->Arg(256)->Arg(4096)->Iterations(3)->UseManualTime();
// A batch of one is `storePage`.
BENCHMARK(duplicates_hot)->Arg(256)->Arg(1)->Iterations(10)->UseManualTime();

}  // namespace

}  // namespace pagestore::bench

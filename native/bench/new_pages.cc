// Storing what is not stored yet: into recycled slots, and into a store that grows.
#include <benchmark/benchmark.h>

#include "core.h"
#include "machine_limits.h"
#include "peer.h"
#include "stopwatch.h"

namespace pagestore::bench {

namespace {

void new_pages_recycled(benchmark::State& state) {
  const auto batch = static_cast<size_t>(state.range(0));
  std::vector<PageNumber> numbers(pages());
  CoreStore core;
  core.store(pages(), batch, numbers);
  core.unref(numbers, batch);

  // The limit has memory of its own, of the core's kind, and goes through it in the core's order.
  PageMemory memory(open_backing_file());
  must(memory.grow(memory.capacity_for(pages(), kMostPages)));
  std::vector<Pair> pairs(pages());

  Peer peer;
  std::vector<size_t> peer_numbers(pages());
  for (size_t i = 0; i < pages(); ++i) peer_numbers[i] = peer.store(source_page(i));

  Sides sides(state);
  for (auto _ : state) {
    sides.core(pages(), nanoseconds_per(pages(), [&] { core.store(pages(), batch, numbers); }));
    for (size_t i = 0; i < pages(); ++i) pairs[i] = {source_page(i), memory.page(numbers[i])};
    core.unref(numbers, batch);
    sides.limit(copy(pairs));
    for (const size_t number : peer_numbers) peer.unref(number);
    sides.peer(nanoseconds_per(pages(), [&] {
      for (size_t i = 0; i < pages(); ++i) peer_numbers[i] = peer.store(source_page(i));
    }));
  }
}

void new_pages_growing(benchmark::State& state) {
  const auto batch = static_cast<size_t>(state.range(0));
  std::vector<PageNumber> numbers(pages());
  Sides sides(state);
  for (auto _ : state) {
    prewarm(2 * pages());
    {
      CoreStore core;
      sides.core(pages(), nanoseconds_per(pages(), [&] { core.store(pages(), batch, numbers); }));
    }
    prewarm(2 * pages());
    sides.limit(populate_and_copy());
  }

  // Not in turns with the others: it takes so long that the kernel would give free memory back to a hypervisor.
  prewarm(2 * pages());
  Peer peer;
  state.counters["peer"] = nanoseconds_per(pages(), [&] {
    for (size_t i = 0; i < pages(); ++i) benchmark::DoNotOptimize(peer.store(source_page(i)));
  });
}

BENCHMARK(new_pages_recycled)->Arg(256)->Arg(4096)->Iterations(3)->UseManualTime();
// Many short passes, of which the median counts: now and then memory does come from a hypervisor.
BENCHMARK(new_pages_growing)->Arg(256)->Arg(4096)->Iterations(1)->Repetitions(5)->UseManualTime();

}  // namespace

}  // namespace pagestore::bench

// How long a pass over many pages takes.
#pragma once

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstddef>
#include <utility>

namespace pagestore::bench {

// Runs `pass`. Nanoseconds for each of `count`.
template <typename Pass>
double nanoseconds_per(size_t count, Pass&& pass) {
  const auto start = std::chrono::steady_clock::now();
  std::forward<Pass>(pass)();
  benchmark::ClobberMemory();
  const std::chrono::duration<double, std::nano> taken = std::chrono::steady_clock::now() - start;
  return taken.count() / static_cast<double>(count);
}

// The sides of one comparison, taken in turn within every iteration, so that whatever disturbs the machine disturbs
// all of them. Reported as counters, in nanoseconds per page.
class Sides {
 public:
  explicit Sides(benchmark::State& state) : state_(state) {}

  // The side that Google Benchmark itself shows, too.
  void core(size_t count, double nanoseconds) {
    state_.SetIterationTime(nanoseconds * static_cast<double>(count) * 1e-9);
    add("core", nanoseconds);
  }
  void limit(double nanoseconds) { add("limit", nanoseconds); }
  void peer(double nanoseconds) { add("peer", nanoseconds); }

 private:
  void add(const char* side, double nanoseconds) {
    benchmark::Counter& counter = state_.counters[side];
    counter.value += nanoseconds;
    counter.flags = benchmark::Counter::kAvgIterations;
  }

  benchmark::State& state_;
};

}  // namespace pagestore::bench

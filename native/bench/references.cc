// References without bytes, and a store whose pages come and go.
#include <benchmark/benchmark.h>

#include "core.h"
#include "peer.h"
#include "stopwatch.h"

namespace pagestore::bench {

namespace {

constexpr size_t kBatch = 256;

void release_to_zero(benchmark::State& state) {
  std::vector<PageNumber> numbers(pages());
  CoreStore core;
  Peer peer;
  std::vector<size_t> peer_numbers(pages());

  Sides sides(state);
  for (auto _ : state) {
    core.store(pages(), kBatch, numbers);
    sides.core(pages(), nanoseconds_per(pages(), [&] { core.unref(numbers, kBatch); }));
    for (size_t i = 0; i < pages(); ++i) peer_numbers[i] = peer.store(source_page(i));
    sides.peer(nanoseconds_per(pages(), [&] {
      for (const size_t number : peer_numbers) peer.unref(number);
    }));
  }
}

// One more reference to each page, or one less that is not the last.
template <bool more>
void references(benchmark::State& state) {
  std::vector<PageNumber> numbers(pages());
  CoreStore core;
  core.store(pages(), kBatch, numbers);

  Sides sides(state);
  for (auto _ : state) {
    if (!more) core.ref(numbers, kBatch);
    sides.core(pages(),
               nanoseconds_per(pages(), [&] { more ? core.ref(numbers, kBatch) : core.unref(numbers, kBatch); }));
    if (more) core.unref(numbers, kBatch);
  }
}

void ref_page(benchmark::State& state) {
  references<true>(state);
}

void unref_page(benchmark::State& state) {
  references<false>(state);
}

// Half as many references as there are contents. A step gives a random one back and stores a random content instead,
// one page at a time. In four cases of ten the store has that content already.
template <typename Store>
class Churn {
 public:
  explicit Churn(size_t live) {
    for (const uint32_t content : random_below(pages(), live, 1)) kept_.push_back(store_.store(source_page(content)));
  }

  double pass(size_t steps, uint64_t seed) {
    const std::vector<uint32_t> which = random_below(kept_.size(), steps, 2 * seed);
    const std::vector<uint32_t> contents = random_below(pages(), steps, 2 * seed + 1);
    return nanoseconds_per(steps, [&] {
      for (size_t i = 0; i < steps; ++i) {
        auto& kept = kept_[which[i]];
        store_.unref(kept);
        kept = store_.store(source_page(contents[i]));
      }
    });
  }

 private:
  Store store_;
  std::vector<decltype(store_.store(source()))> kept_;
};

void churn(benchmark::State& state) {
  const size_t live = pages() / 2;
  Churn<CoreStore> core(live);
  Churn<Peer> peer(live);
  Sides sides(state);
  uint64_t seed = 1;
  for (auto _ : state) {
    sides.core(pages(), core.pass(pages(), ++seed));
    sides.peer(peer.pass(pages(), seed));
  }
}

BENCHMARK(release_to_zero)->Iterations(3)->UseManualTime();
BENCHMARK(ref_page)->Iterations(10)->UseManualTime();
BENCHMARK(unref_page)->Iterations(10)->UseManualTime();
BENCHMARK(churn)->Iterations(3)->UseManualTime();

}  // namespace

}  // namespace pagestore::bench

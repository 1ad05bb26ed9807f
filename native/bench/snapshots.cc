// Capturing and restoring, against copying everything, which is what one does without snapshots.
//
// Nanoseconds here are for the whole operation, not for a page.
#include <benchmark/benchmark.h>
#include <sys/uio.h>

#include <cstdlib>
#include <cstring>
#include <memory>

#include "core.h"
#include "data.h"
#include "large_process.h"
#include "machine_limits.h"
#include "memory/local_memory.h"
#include "memory/process_memory.h"
#include "stopwatch.h"
#include "store/shared_store.h"

namespace pagestore::bench {

namespace {

// A quarter of the cold data is what a WebAssembly instance may have, twice as much what a program has.
size_t local_pages() {
  return pages() / 2;
}
size_t process_pages() {
  return pages() * 2;
}

SharedStore* create_store() {
  SharedStore* store;
  must(SharedStore::create({}, MemoryChoice::any, &store));
  return store;
}

void release(SharedStore* store, Snapshot* snapshot) {
  must(pagestore::release(*LockedStores(*store), snapshot));
}

void local_memory(benchmark::State& state) {
  const auto dirty = static_cast<size_t>(state.range(0));
  const size_t bytes = local_pages() * page_size();
  SharedStore* store = create_store();
  {
    Mapping memory = Mapping::anonymous(bytes);
    Mapping copy = Mapping::anonymous(bytes);
    memcpy(memory.data(), source(), bytes);
    memcpy(copy.data(), source(), bytes);
    const LocalBytes local{memory.data(), bytes, false};
    std::unique_ptr<LocalMemory> tracked;
    must(LocalMemory::open(store, {}, 0, &tracked));
    Snapshot start;
    tracked->locate(local, {});
    must(tracked->capture(&start));

    Sides sides(state);
    uint64_t round = 0;
    const auto write_to_some = [&] {
      for (const uint32_t page : random_below(local_pages(), dirty, ++round)) {
        memory.data()[page * page_size() + 9] ^= std::byte{0x5a};
      }
    };
    const auto rewind = [&] {
      Snapshot now;
      must(tracked->capture(&now));
      must(tracked->restore(start));
      release(store, &now);
    };
    // As it is used: again and again. The two copies in between empty the caches, so some rounds pass first.
    constexpr int kRounds = 20;
    const auto rewind_rounds = [&] {
      double sum = 0;
      for (int i = 0; i < kRounds; ++i) {
        write_to_some();
        sum += nanoseconds_per(1, rewind);
      }
      return sum / kRounds;
    };
    for (auto _ : state) {
      rewind_rounds();
      sides.core(1, rewind_rounds());
      sides.limit(nanoseconds_per(1, [&] { memcpy(copy.data(), memory.data(), bytes); }));
      sides.peer(nanoseconds_per(1, [&] {
        Mapping fresh = Mapping::anonymous(bytes);
        memcpy(fresh.data(), memory.data(), bytes);
        memcpy(memory.data(), fresh.data(), bytes);
      }));
    }
    release(store, &start);
    tracked->release(*LockedStores(*store));
  }
  store->close();
}

// Reads all of another process's range into `to`, as fast as that goes.
void read_all(pid_t pid, const AddressRange& range, std::byte* to) {
  constexpr uint64_t kPart = 1 << 20;
  for (uint64_t at = range.start; at < range.end; at += kPart) {
    const size_t part = std::min(kPart, range.end - at);
    const iovec local{to + (at - range.start), part}, remote{reinterpret_cast<void*>(at), part};
    if (process_vm_readv(pid, &local, 1, &remote, 1, 0) != static_cast<ssize_t>(part)) exit(1);
  }
}

// Observes the memory of a process: the one range that it was made for.
class Observer {
 public:
  Observer(SharedStore* store, const LargeProcess& process) : store_(store) {
    must(ProcessMemory::open(store, process.pid(), {}, true, &memory_));
    RegionList regions;
    must(regions.add({process.memory().start, process.memory().end, 0, {'r', 'w', '-', 'p'}, {}}));
    memory_->select(std::move(regions));
  }
  ~Observer() {
    release(store_, &last_);
    memory_->release(*LockedStores(*store_));
  }

  void capture() {
    Snapshot snapshot;
    must(memory_->stop());
    must(memory_->capture(&snapshot));
    memory_->resume();
    release(store_, &last_);
    last_ = snapshot;
  }

 private:
  SharedStore* store_;
  std::unique_ptr<ProcessMemory> memory_;
  Snapshot last_;
};

void process_capture(benchmark::State& state) {
  const auto dirty = std::min(static_cast<size_t>(state.range(0)), process_pages());
  LargeProcess process(process_pages());
  Mapping copy = Mapping::anonymous(process_pages() * page_size());
  memset(copy.data(), 1, copy.bytes());
  SharedStore* store = create_store();
  {
    Observer observer(store, process);
    observer.capture();
    Sides sides(state);
    for (auto _ : state) {
      process.dirty(dirty);
      sides.core(1, nanoseconds_per(1, [&] { observer.capture(); }));
      sides.limit(nanoseconds_per(1, [&] { read_all(process.pid(), process.memory(), copy.data()); }));
      sides.peer(process.fork_time());
    }
  }
  store->close();
}

void process_first_capture(benchmark::State& state) {
  LargeProcess process(process_pages());
  Mapping copy = Mapping::anonymous(process_pages() * page_size());
  memset(copy.data(), 1, copy.bytes());
  Sides sides(state);
  for (auto _ : state) {
    SharedStore* store = create_store();
    prewarm(2 * process_pages());
    {
      Observer observer(store, process);
      sides.core(1, nanoseconds_per(1, [&] { observer.capture(); }));
    }
    store->close();
    sides.limit(nanoseconds_per(1, [&] {
      read_all(process.pid(), process.memory(), copy.data());
      for (size_t i = 0; i < process_pages(); ++i) {
        benchmark::DoNotOptimize(xxh3(copy.data() + i * page_size(), page_size()));
      }
    }));
  }
}

BENCHMARK(local_memory)->Arg(100)->Iterations(5)->UseManualTime();
BENCHMARK(process_capture)->Arg(0)->Arg(100)->Arg(10'000)->Iterations(3)->UseManualTime();
BENCHMARK(process_first_capture)->Iterations(1)->Repetitions(3)->UseManualTime();

}  // namespace

}  // namespace pagestore::bench

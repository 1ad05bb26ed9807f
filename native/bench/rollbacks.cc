// Rolling a live program back, against fork() for each state in the same program.
//
// A step is what an explorer does for one transition: the program runs to its next choice, is captured, and is
// restored. Nanoseconds are for the whole step; the parts that it consists of are reported beside it.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "core.h"
#include "data.h"
#include "memory/tracee/tracee.h"
#include "stopwatch.h"
#include "system/phase_clock.h"

namespace pagestore::bench {

namespace {

constexpr struct {
  Phase phase;
  const char* name;
} kParts[] = {{Phase::stop, "stop"}, {Phase::mappings, "mappings"}, {Phase::scan, "scan"},
              {Phase::read, "read"}, {Phase::store, "hash_store"},  {Phase::key, "state"},
              {Phase::diff, "diff"}, {Phase::write, "write"},       {Phase::registers, "registers"}};

// The most that is asked for: twice the cold data.
size_t ballast_bytes(const benchmark::State& state) {
  return std::min(static_cast<size_t>(state.range(0)) << 20, pages() * 2 * page_size());
}

// The program, at its first choice.
class Program {
 public:
  explicit Program(size_t ballast) {
    must(SharedStore::create({}, MemoryChoice::any, &store_));
    std::string file = PAGESTORE_STEPS, bytes = std::to_string(ballast),
                no_rseq = "GLIBC_TUNABLES=glibc.pthread.rseq=0";
    char* arguments[] = {file.data(), bytes.data(), nullptr};
    char* environment[] = {no_rseq.data(), nullptr};
    SpawnOptions options;
    options.launch.file = PAGESTORE_STEPS;
    options.launch.args = arguments;
    options.launch.env = environment;
    must(Tracee::spawn(store_, options, {}, &tracee_));
    Stop stop;
    must(tracee_->resume({}, &stop));
    must(tracee_->capture(&start_));
  }
  ~Program() {
    drop(&start_);
    tracee_->release(*LockedStores(*store_));
    tracee_.reset();
    store_->close();
  }

  void step(int alternative) {
    RunOptions options;
    options.choose = alternative;
    Stop stop;
    must(tracee_->resume(options, &stop));
    Snapshot snapshot;
    must(tracee_->capture(&snapshot));
    must(tracee_->restore(start_));
    drop(&snapshot);
  }

 private:
  void drop(Snapshot* snapshot) { must(release(*LockedStores(*store_), snapshot)); }

  SharedStore* store_ = nullptr;
  std::unique_ptr<Tracee> tracee_;
  Snapshot start_;
};

// Nanoseconds for each of so many states.
double fork_time(size_t ballast, int states) {
  const std::string command = PAGESTORE_STEPS " " + std::to_string(ballast) + " " + std::to_string(states);
  FILE* output = popen(command.c_str(), "r");
  double nanoseconds = 0;
  if (output == nullptr || fscanf(output, "%lf", &nanoseconds) != 1) exit(1);
  pclose(output);
  return nanoseconds;
}

void rollbacks(benchmark::State& state) {
  constexpr int kWarm = 100, kSteps = 3000, kForks = 100;
  const size_t ballast = ballast_bytes(state);
  Sides sides(state);
  for (auto _ : state) {
    {
      Program program(ballast);
      for (int i = 0; i < kWarm; ++i) program.step(i % 2);
      sides.core(1, nanoseconds_per(kSteps, [&] {
                   for (int i = 0; i < kSteps; ++i) program.step(i % 2);
                 }));
      const PhaseClock clock;
      for (int i = 0; i < kSteps; ++i) program.step(i % 2);
      for (const auto& [phase, name] : kParts) {
        state.counters[name] = {clock.microseconds(phase) * 1e3 / kSteps, benchmark::Counter::kAvgIterations};
      }
    }
    sides.peer(fork_time(ballast, kForks));
  }
}

BENCHMARK(rollbacks)->Arg(0)->Arg(16)->Arg(256)->Arg(1024)->Iterations(1)->Repetitions(3)->UseManualTime();

}  // namespace

}  // namespace pagestore::bench

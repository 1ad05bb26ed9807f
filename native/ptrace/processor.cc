#include "ptrace/processor.h"

#include <sched.h>

#include <atomic>

namespace pagestore {

namespace {

std::atomic<int> tracers[CPU_SETSIZE];

struct Pinned {
  int uses = 0;
  int processor = 0;  // while there are uses
  cpu_set_t before{};
};
thread_local Pinned pinned;

// Not the one that we happen to run on: a program can tell processors apart, and its C library notes on which
// it started.
std::optional<int> choose(const cpu_set_t& allowed) {
  std::optional<int> best;
  for (int i = 0; i < CPU_SETSIZE; ++i) {
    if (!CPU_ISSET(static_cast<size_t>(i), &allowed)) continue;
    if (!best || tracers[i].load() < tracers[*best].load()) best = i;
  }
  return best;
}

}  // namespace

std::optional<int> SharedProcessor::take() {
  if (pinned.uses == 0) {
    if (sched_getaffinity(0, sizeof(pinned.before), &pinned.before) != 0) return {};
    const std::optional<int> chosen = choose(pinned.before);
    if (!chosen) return {};
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<size_t>(*chosen), &one);
    if (sched_setaffinity(0, sizeof(one), &one) != 0) return {};
    pinned.processor = *chosen;
    ++tracers[*chosen];
  }
  ++pinned.uses;
  is_taken_ = true;
  return pinned.processor;
}

SharedProcessor::~SharedProcessor() {
  if (!is_taken_ || --pinned.uses > 0) return;
  sched_setaffinity(0, sizeof(pinned.before), &pinned.before);
  --tracers[pinned.processor];
}

}  // namespace pagestore

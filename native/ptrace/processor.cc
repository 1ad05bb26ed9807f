#include "ptrace/processor.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <utility>

#include "linux/claimed_name.h"
#include "system/assert.h"

namespace pagestore {

namespace {

// Each processor has as many names; if all are taken, one more tracer makes no difference.
constexpr int kNames = 4;

struct Pinned {
  int uses = 0;
  std::optional<int> processor;  // the last one
  cpu_set_t before{};
  ScopedFd claim;  // while there are uses
};
thread_local Pinned pinned;

// How many threads of this process have taken each: all that is known where the system allows no such names.
std::atomic<int> taken_here[CPU_SETSIZE];

bool is_in(const cpu_set_t& set, int processor) {
  return CPU_ISSET(static_cast<size_t>(processor), &set);
}

// How many have claimed it, `here` of them in this process; `claim` is ours if one was left.
int count_claims(int processor, int here, ScopedFd* claim) {
  int count = 0;
  *claim = ScopedFd();
  for (int i = 0; i < kNames; ++i) {
    char name[48];
    snprintf(name, sizeof(name), "pagestore/processor/%d/%d", processor, i);
    ScopedFd made = claim_name(name);
    if (!made.is_open() && errno == EADDRINUSE) ++count;
    if (made.is_open() && !claim->is_open()) *claim = std::move(made);
  }
  return std::max(count, here);
}

struct Choice {
  std::optional<int> processor;
  int here = 0;  // how many threads of this process had taken it
  ScopedFd claim;
};

Choice choose(const cpu_set_t& allowed, std::optional<int> last) {
  Choice best;
  int fewest = INT_MAX;
  const auto consider = [&](int processor) {
    const int here = taken_here[processor].load();
    ScopedFd claimed;
    const int count = count_claims(processor, here, &claimed);
    if (count >= fewest) return;
    fewest = count;
    best = {processor, here, std::move(claimed)};
  };
  if (last && is_in(allowed, *last)) consider(*last);
  for (int i = 0; i < CPU_SETSIZE && fewest > 0; ++i) {
    if (is_in(allowed, i) && i != last) consider(i);
  }
  return best;
}

// Other threads may choose at the same time.
Choice choose_and_take(const cpu_set_t& allowed, std::optional<int> last) {
  for (;;) {
    Choice choice = choose(allowed, last);
    int before = choice.here;
    if (!choice.processor || taken_here[*choice.processor].compare_exchange_strong(before, before + 1)) return choice;
  }
}

}  // namespace

std::optional<int> SharedProcessor::take() {
  if (pinned.uses == 0) {
    if (sched_getaffinity(0, sizeof(pinned.before), &pinned.before) != 0) return {};
    Choice chosen = choose_and_take(pinned.before, pinned.processor);
    if (!chosen.processor) return {};
    if (!bind_to_processor(0, *chosen.processor)) {
      --taken_here[*chosen.processor];
      return {};
    }
    pinned.processor = chosen.processor;
    pinned.claim = std::move(chosen.claim);
  }
  ++pinned.uses;
  is_taken_ = true;
  return pinned.processor;
}

int SharedProcessor::first() const {
  PS_ASSERT(is_taken_);
  int processor = 0;
  while (!is_in(pinned.before, processor)) ++processor;
  return processor;
}

SharedProcessor::~SharedProcessor() {
  if (!is_taken_ || --pinned.uses > 0) return;
  sched_setaffinity(0, sizeof(pinned.before), &pinned.before);
  pinned.claim = ScopedFd();
  --taken_here[*pinned.processor];
}

bool bind_to_processor(pid_t thread, int processor) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<size_t>(processor), &one);
  return sched_setaffinity(thread, sizeof(one), &one) == 0;
}

void move_to_processor(pid_t thread, int from, int to) {
  cpu_set_t now;
  if (sched_getaffinity(thread, sizeof(now), &now) != 0) return;
  if (CPU_COUNT(&now) == 1 && is_in(now, from)) bind_to_processor(thread, to);
}

}  // namespace pagestore

#include "ptrace/processor.h"

#include <sched.h>

#include <cstdio>
#include <utility>

#include "linux/claimed_name.h"

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

bool is_in(const cpu_set_t& set, int processor) {
  return CPU_ISSET(static_cast<size_t>(processor), &set);
}

// How many have claimed it; `claim` is ours if one was left.
int count_claims(int processor, ScopedFd* claim) {
  int count = 0;
  *claim = ScopedFd();
  for (int i = 0; i < kNames; ++i) {
    char name[48];
    snprintf(name, sizeof(name), "pagestore/processor/%d/%d", processor, i);
    ScopedFd made = claim_name(name);
    if (!made.is_open()) ++count;
    if (made.is_open() && !claim->is_open()) *claim = std::move(made);
  }
  return count;
}

// Not the one that we happen to run on: a program can tell processors apart, and its C library notes on which
// it started.
std::optional<int> choose(const cpu_set_t& allowed, std::optional<int> last, ScopedFd* claim) {
  std::optional<int> best;
  int fewest = kNames + 1;
  const auto consider = [&](int processor) {
    ScopedFd claimed;
    const int count = count_claims(processor, &claimed);
    if (count >= fewest) return;
    fewest = count;
    best = processor;
    *claim = std::move(claimed);
  };
  if (last && is_in(allowed, *last)) consider(*last);
  for (int i = 0; i < CPU_SETSIZE && fewest > 0; ++i) {
    if (is_in(allowed, i) && i != last) consider(i);
  }
  return best;
}

}  // namespace

std::optional<int> SharedProcessor::take() {
  if (pinned.uses == 0) {
    if (sched_getaffinity(0, sizeof(pinned.before), &pinned.before) != 0) return {};
    ScopedFd claim;
    const std::optional<int> chosen = choose(pinned.before, pinned.processor, &claim);
    if (!chosen) return {};
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<size_t>(*chosen), &one);
    if (sched_setaffinity(0, sizeof(one), &one) != 0) return {};
    pinned.processor = chosen;
    pinned.claim = std::move(claim);
  }
  ++pinned.uses;
  is_taken_ = true;
  return pinned.processor;
}

SharedProcessor::~SharedProcessor() {
  if (!is_taken_ || --pinned.uses > 0) return;
  sched_setaffinity(0, sizeof(pinned.before), &pinned.before);
  pinned.claim = ScopedFd();
}

}  // namespace pagestore

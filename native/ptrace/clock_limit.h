// When the limit of a wait (wait_table.h) passes by a clock that we keep, and whether a call returned because it has.
//
// What the kernel would refuse, and a wait that has no limit, is none for us. Some limits are not arguments and stay
// unseen: those of sockets (SO_RCVTIMEO), and of timers that a program made.
#pragma once

#include <optional>

#include "ptrace/kept_clock.h"
#include "ptrace/wait_table.h"

namespace pagestore {

struct ClockLimit {
  WaitKind kind;
  int64_t end = 0;  // when it passes, as `elapsed` of the kept clock
};

// Of the call that this thread is about to make.
std::optional<ClockLimit> find_clock_limit(pid_t thread, const KeptClock& clock, const SystemCall& call);

// Whether a call with a limit returned because that has passed.
bool has_expired(pid_t thread, const SystemCall& call, int64_t result);

}  // namespace pagestore

// The limit of a wait, as a program passes it to the kernel: for which calls, in which argument, in which form, and how
// the call says that its limit has passed.
//
// What the kernel would refuse, and a wait that has no limit, is none for us. Some limits are not arguments and stay
// unseen: those of sockets (SO_RCVTIMEO), and of timers that a program made.
#pragma once

#include <optional>

#include "ptrace/kept_clock.h"
#include "ptrace/stop.h"
#include "ptrace/system_call.h"

namespace pagestore {

struct ClockLimit {
  enum class Form : uint8_t {
    milliseconds,  // the argument itself; the others are addresses of a timespec or a timeval
    duration,
    short_duration,  // in microseconds
    deadline,        // on `clock`
  };
  Form form = Form::milliseconds;
  uint8_t argument = 0;    // which one
  bool is_sleep = false;   // nothing but the limit, and signals, ends the wait
  bool gets_rest = false;  // the kernel writes what is left of the limit to where it is
  clockid_t clock = CLOCK_MONOTONIC;
  int64_t end = 0;  // when it passes, as `elapsed` of the kept clock
};

void add_waits(SystemCallSet* calls);

// Of the call that this thread is about to make.
std::optional<ClockLimit> find_clock_limit(pid_t thread, const KeptClock& clock, const SystemCall& call);

// Whether a call with a limit returned because that has passed.
bool has_expired(pid_t thread, const SystemCall& call, int64_t result);

}  // namespace pagestore

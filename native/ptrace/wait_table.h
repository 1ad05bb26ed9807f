// Which system calls wait no longer than a limit that the program gives: in which argument, in which form, and what the
// call returns when the limit has passed. The one table for all that goes by limits: waits that we interrupted
// (wait_limits.h), and waits by a clock that we keep (clock_limit.h).
//
// A limit is a duration, counted from the call's beginning, or a moment of a clock. What a timer of the program's ends
// is no limit.
#pragma once

#include <time.h>

#include <optional>

#include "ptrace/stop.h"
#include "ptrace/system_call.h"

namespace pagestore {

// Where the call takes its limit.
enum class LimitForm : uint8_t {
  milliseconds,  // an argument
  time,          // an argument points to seconds and nanoseconds
  timeval,       // an argument points to seconds and microseconds
  ring,          // io_uring_enter: an argument may point to a struct that points to a time
  received,      // of the socket
  sent,
};

// Whether the limit is a time that is among the arguments, or that one of them points to.
constexpr bool is_time(LimitForm form) {
  return form == LimitForm::milliseconds || form == LimitForm::time || form == LimitForm::timeval;
}

struct WaitKind {
  LimitForm form = LimitForm::milliseconds;
  uint8_t argument = 0;
  bool is_moment = false;  // of `clock`; else a duration
  bool is_sleep = false;   // nothing but the limit, and signals, ends the wait
  bool gets_rest = false;  // the kernel writes what is left of the limit to where it is
  int16_t result = 0;      // when the limit has passed
  clockid_t clock = CLOCK_MONOTONIC;
};

// Whether a call of this number can have a limit.
bool can_have_limit(int64_t number);

// Of a call that can have one; its arguments say whether it has.
std::optional<WaitKind> wait_kind_of(const SystemCall& call);

// Those whose limit `is_time`.
void add_waits(SystemCallSet* calls);

}  // namespace pagestore

// Answers the system calls that set or read the timer of SIGALRM (alarm, and setitimer with ITIMER_REAL), by the clock
// that we keep. Whoever lets the clock go on (clock_calls.h) sends the signal.
#pragma once

#include <optional>

#include "ptrace/kept_clock.h"
#include "ptrace/stop.h"
#include "ptrace/system_call.h"

namespace pagestore {

void add_alarm_calls(SystemCallSet* calls);

// The result of a call that `thread` is about to make; nothing for one that the kernel is to answer, because it is
// about something else or is refused.
std::optional<int64_t> answer_alarm_call(pid_t thread, const SystemCall& call, KeptClock* clock);

}  // namespace pagestore

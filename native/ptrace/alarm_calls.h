// Answers the system calls that set or read the timer of SIGALRM (alarm, and setitimer with ITIMER_REAL), by the clock
// that we keep. Whoever lets the clock go on (clock_calls.h) sends the signal.
//
// Nobody can send what the kernel's timer sends. So the signal says that it is ours, and becomes what the kernel's
// would be when it is about to be delivered. A program that takes it out of the queue by itself (`sigwaitinfo`) sees
// ours.
#pragma once

#include <signal.h>

#include <optional>

#include "ptrace/kept_clock.h"
#include "ptrace/stop.h"
#include "ptrace/system_call.h"

namespace pagestore {

void add_alarm_calls(SystemCallSet* calls);

// The result of a call that `thread` is about to make; nothing for one that the kernel is to answer, because it is
// about something else or is refused.
std::optional<int64_t> answer_alarm_call(pid_t thread, const SystemCall& call, KeptClock* clock);

// Lets SIGALRM come to a process because its timer has expired.
void send_alarm(pid_t process);
// What its handler gets in place of a signal that `send_alarm` has sent; nothing of any other.
std::optional<siginfo_t> expired_alarm(const siginfo_t& sent);

}  // namespace pagestore

// The processor's counter (rdtsc), which a program reads without a system call.
//
// While it is disabled, each read is a fault, which we answer from the clock that we keep (kept_clock.h), and which
// nobody sees. What the program itself asks of its counter (prctl with PR_SET_TSC and PR_GET_TSC) is kept apart, per
// thread. Only x86-64 has it in this form: elsewhere nothing is disabled or answered.
#pragma once

#include <signal.h>

#include <optional>

#include "linux/remote_memory.h"
#include "ptrace/kept_clock.h"
#include "ptrace/traced_thread.h"

namespace pagestore {

#if defined(__x86_64__)
inline constexpr bool kHasCounter = true;
#else
inline constexpr bool kHasCounter = false;
#endif

// Of the calling thread, and of what it becomes and starts. For a child before exec. False, with errno, if it is
// refused.
bool disable_counter();
// The call by which a tracee's thread enables its own again.
SystemCall call_to_enable_counter();

// Whether the thread stopped for such a fault; then it has read the counter and is past the instruction.
bool answer_counter_fault(TracedThread& thread, const siginfo_t& fault, const RemoteMemory& memory, KeptClock* clock);
// The same for a process that the program started, which reads the counter of the processor.
bool answer_followers_fault(pid_t follower);

// The result of a call that asks about the program's counter, or sets it; nothing for other calls.
std::optional<int64_t> answer_counter_call(TracedThread& thread, const SystemCall& call);

}  // namespace pagestore

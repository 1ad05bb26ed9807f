// Takes a stopped thread to signal delivery, from where PTRACE_CONT delivers a signal.
//
// A thread may be stopped elsewhere: before another signal, or where a rollback has put it before a signal that
// it stopped for long ago. Then the signal is sent again, with all others blocked, and stops the thread before
// it executes another instruction; what it was stopped for before counts as answered.
#pragma once

#include <signal.h>

#include "linux/remote_memory.h"
#include "ptrace/process_waiter.h"
#include "ptrace/stop.h"
#include "ptrace/stub/stub_calls.h"

namespace pagestore {

// `info` is what the thread's handler will get; `stubs` are those of a process that outlives us, or null. Leaves to its
// caller: the thread is stopped, not inside vfork.
Status stop_before_signal(ProcessWaiter& waiter, const RemoteMemory& memory, TracedThread& thread,
                          const siginfo_t& info, StubCalls* stubs);

// What a thread that is let run receives by such an answer; without a number where it is nothing.
siginfo_t signal_for(const TracedThread& thread, const SignalAnswer& answer);

}  // namespace pagestore

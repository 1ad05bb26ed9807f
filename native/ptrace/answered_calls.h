// Calls that a program makes and that get a result of ours, in place of the kernel's: those by which it speaks to us,
// those that read a clock of its own, and a few more.
//
// Where our own filter has stopped the thread, all other filters have let the call by, and the kernel skips a call
// whose number is made −1. At an entry that PTRACE_SYSCALL shows, the filters are still to be asked. That of a
// container refuses −1, and each number that no kernel has, with an error that would replace our result; and it decides
// before ours, so that ours does not stop the program there. So a program with a filter of somebody else's is stopped
// at each entry. In place of a call that is answered the kernel makes another one, which everybody allows, and at its
// exit the registers get the result, or the question is asked. A thread that is captured at the entry is about to make
// the call as it was: its registers change only when it runs.
#pragma once

#include "ptrace/injected_calls.h"
#include "ptrace/process_traits.h"
#include "ptrace/traced_thread.h"

namespace pagestore {

// The thread has entered a call: it gets this result, and is not made.
Status answer_call(const ProcessTraits& traits, TracedThread& thread, int64_t result);

// Whether a question that the program asks us at this entry can be asked only at the exit.
bool is_asked_at_exit(const ProcessTraits& traits, const TracedThread& thread);

// Before a thread runs: what is answered at the exit of another call is replaced by that. One that was put elsewhere at
// an entry leaves it first: there, too, its registers would get an error.
Status prepare_answered_call(const ProcessTraits& traits, InjectedCalls& injected, TracedThread& thread);

// Only the second: before the process is let go.
Status leave_cancelled_call(const ProcessTraits& traits, InjectedCalls& injected, TracedThread& thread);

}  // namespace pagestore

// At the entry and at the exit of a call, as PTRACE_SYSCALL shows them, the kernel of arm64 says in x7 which of both it
// is. What the thread has in x7 nobody can read there, and what a tracer writes there is forgotten.
//
// So a thread does not stay at an exit, nor at the entry of a call that will not be made, but goes on to where the
// kernel decides about signals. From another entry it goes there only when its registers are needed (it is captured, or
// makes a call for us), as it leaves the call by that, and will enter it again. And a thread that was put elsewhere at
// such a stop goes there before it runs. On other processors nothing of this is needed, and nothing is done.
//
// Leaves to its caller: the thread is stopped.
#pragma once

#include "ptrace/process_waiter.h"

namespace pagestore {

// From the exit of a call, or from the entry of one that will not be made, where nobody has put it elsewhere.
Status leave_exit(ProcessWaiter& waiter, TracedThread& thread);
// The same for all that have stopped.
Status leave_exits(ProcessWaiter& waiter, const ThreadTable& threads);

// From the entry of a call. The thread is then before the call, whose entry it has reported.
Status leave_entry(ProcessWaiter& waiter, TracedThread& thread);

// A thread that is about to run gets all registers that it shall have.
Status write_hidden_register(ProcessWaiter& waiter, TracedThread& thread);

}  // namespace pagestore

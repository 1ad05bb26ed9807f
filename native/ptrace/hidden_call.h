// Where the kernel of arm64 decides about signals it hides the call that a thread was interrupted in
// (registers_arm64.h). Here it is found again, and shown as on other processors.
//
// What the kernel keeps is known for certain where the thread was seen to leave the call (PTRACE_SYSCALL), or was put
// into it by us. Else the thread was seen to sleep in a call before it was interrupted, or it stands before a call that
// can wait; and how the kernel says that it was interrupted there is the same each time (signal(7)). A signal that
// comes just before such a call counts as one that comes in it.
#pragma once

#include "linux/remote_memory.h"
#include "ptrace/traced_thread.h"

namespace pagestore {

// Leaves to its caller: the thread has stopped for a signal, or because it was interrupted, and nobody has changed its
// registers since.
void reveal_call(TracedThread& thread, const RemoteMemory& memory);

// The result with which the kernel says that a thread was interrupted in that call; 0 for one that we do not know to
// wait, or that it ends with an error.
int64_t interruption_of(const SystemCall& call);

}  // namespace pagestore

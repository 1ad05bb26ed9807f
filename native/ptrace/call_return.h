// Takes a stopped thread back into the call that it was interrupted in, from wherever it is stopped by then: to where
// the kernel decides about signals, and so whether one ends the call or the call is made again.
//
// Most kernels ask the registers there what the thread was interrupted in. That of arm64 keeps it to itself, from the
// moment at which the call ended on. So there the thread enters its call once more, and the kernel notes its first
// argument; it leaves it, without making it, with the result that it had.
#pragma once

#include "linux/remote_memory.h"
#include "ptrace/process_waiter.h"

namespace pagestore {

// Takes a thread there that does nothing else on its way but to leave the call that it has entered; what it was stopped
// for is forgotten.
Status take_to_signal_code(ProcessWaiter& waiter, TracedThread& thread);

// Does nothing where the thread need not be taken there (TracedThread::has_to_return). What it waits to have answered
// stays, but a thread that the kernel would take for one in another call loses what it was stopped for. Leaves to its
// caller: the thread is stopped, not inside vfork.
Status take_back_to_call(ProcessWaiter& waiter, const RemoteMemory& memory, TracedThread& thread);

}  // namespace pagestore

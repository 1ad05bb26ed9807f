// A child of ours that we may not seize, since it is a copy of a process whose memory nobody may read: one that changed
// its user, or asked for that (PR_SET_DUMPABLE). The copy must not become readable before it is another program.
//
// So the child asks to be traced itself, which the kernel always grants, and stops. A thread that is traced like that
// cannot be interrupted: when it is the program, and the kernel has decided who may read that, it is let go while it is
// stopped by a signal, and seized. For this moment it must end with us by other means (PR_SET_PDEATHSIG).
#pragma once

#include "ptrace/process_waiter.h"

namespace pagestore {

// In the child, which has one thread: false, with errno, where the system refuses it.
bool ask_to_be_traced();

// The child asks for that now, or has done so: it is traced from now on, and stopped.
Status take_traced_child(TracedThread& thread, ProcessWaiter& waiter, long options);

// It is stopped where its exec has just ended, and still is after it was seized. Refused where it is not ours to seize.
Status seize_taken(TracedThread& thread, ProcessWaiter& waiter, long options);

}  // namespace pagestore

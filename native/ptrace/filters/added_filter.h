// The filter (seccomp) that a program adds to itself, read where it asks for that.
//
// So a program that we have started needs not be asked for its filters, which takes a capability: it has ours, and
// those that it was seen to add.
#pragma once

#include "linux/remote_memory.h"
#include "ptrace/filters/filter_programs.h"

namespace pagestore {

// Whether a call adds one, or asks for seccomp's strict mode.
bool adds_filter(const SystemCall& call);

// Its program joins `programs`; one that allows no call at all in place of one that cannot be read, and for the strict
// mode. Leaves to its caller: the thread is at the entry of the call, which `adds_filter`. The kernel may refuse it:
// then more is known of than there is.
Status add_filter_of(const SystemCall& call, const RemoteMemory& memory, FilterPrograms* programs);

}  // namespace pagestore

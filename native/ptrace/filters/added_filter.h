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

// Its program joins `programs`; for the strict mode one that allows no call at all. One that cannot be read does not:
// the kernel will refuse it, as programs make it do that just to ask what it has. Leaves to its caller: the thread is
// at the entry of the call, which `adds_filter`. If the kernel refuses another one, more is known of than there is.
Status add_filter_of(const SystemCall& call, const RemoteMemory& memory, FilterPrograms* programs);

}  // namespace pagestore

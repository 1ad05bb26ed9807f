// CLONE_UNTRACED: a program asks the kernel that nobody traces what it starts, a thread or a process. LeakSanitizer and
// crash reporters do, for helpers that are tracers themselves.
//
// Under us nothing may run unseen, so the flag is taken off before the kernel sees the call; the helper then finds that
// the program has a tracer already, as under a debugger. A flag of clone3 lies in memory, and is not taken off here.
#pragma once

#include <sys/types.h>

#include "ptrace/system_call.h"

namespace pagestore {

bool asks_not_to_be_traced(const SystemCall& call);

// The same call without the flag.
SystemCall traced(const SystemCall& call);

// The same for a thread that is stopped at the entry of a call, and that nobody else knows the registers of. The number
// of that call.
int64_t trace_what_starts(pid_t thread);

}  // namespace pagestore

// Whether the threads of a process that runs wait in the kernel, all at the same moment: then nothing happens in it
// until somebody outside does something, a clock goes on, or one of those that are stopped is let run.
#pragma once

#include "ptrace/thread_table.h"

namespace pagestore {

// A thread that does not, or 0. Those that are stopped count as waiting.
pid_t find_restless(pid_t pid, const ThreadTable& threads);

}  // namespace pagestore

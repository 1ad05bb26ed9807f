// Seizes all threads of a process that runs, and interrupts each: until a list of its threads shows none that is
// new, since those that still run may start others.
//
// The process is not sent a signal, and its program does not notice.
#pragma once

#include <sys/ptrace.h>

#include "linux/proc_file.h"
#include "ptrace/timed_wait.h"

namespace pagestore {

// What is asked of the kernel for every thread that is traced to be controlled.
constexpr long kTraceOptions =
    PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK;

struct Seizing {
  pid_t pid;
  long options;  // PTRACE_O_…
};

// Seizes and interrupts one thread, and says what it slept in. `*is_seized` is false when it has just ended.
Status seize_thread(const Seizing& seizing, pid_t thread, bool* is_seized, ThreadSleep* sleep);

// `is_known(thread)` says whether a thread was seized before. `before(thread, &is_wanted)` makes room for it, or
// decides that it is not to be seized; `stop(thread, sleep)` waits until one that was seized has stopped. Both give a
// Status. On failure, the threads that were seized stay so.
template <typename IsKnown, typename Before, typename Stop>
Status seize_threads(const Seizing& seizing, IsKnown is_known, Before before, Stop stop) {
  for (bool found_new = true; found_new;) {
    found_new = false;
    NumberDirectory tasks;
    if (Status status = tasks.open(seizing.pid); !status.is_ok()) return status;
    for (pid_t thread; tasks.next(&thread);) {
      if (is_known(thread)) continue;
      bool is_wanted = true, is_seized;
      ThreadSleep sleep;
      if (Status status = before(thread, &is_wanted); !status.is_ok()) return status;
      if (!is_wanted) continue;
      if (Status status = seize_thread(seizing, thread, &is_seized, &sleep); !status.is_ok()) return status;
      if (!is_seized) continue;
      found_new = true;
      if (Status status = stop(thread, sleep); !status.is_ok()) return status;
    }
  }
  return Status::ok();
}

}  // namespace pagestore

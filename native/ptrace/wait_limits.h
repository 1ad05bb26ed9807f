// How long a wait may last that has a limit counted from its beginning (wait_table.h), and what the call returns when
// the time is over.
//
// The kernel does not keep the time that is left of such a call when it interrupts it, but for a few: those it goes on
// with by restart_syscall, or it writes the time that is left into the program's own memory. Limits that are moments of
// a clock (mq_timedreceive, most uses of futex) need nothing: a call that is made again waits for the same moment.
#pragma once

#include <sys/types.h>

#include <optional>

#include "linux/remote_memory.h"
#include "ptrace/wait_table.h"

namespace pagestore {

struct WaitLimit {
  LimitForm form;
  size_t argument;
  int64_t nanoseconds;
  int64_t result;  // of the call when the time is over
};

// None if the call waits for ever, for a moment, or not at all.
std::optional<WaitLimit> find_wait_limit(pid_t pid, const RemoteMemory& memory, const SystemCall& call);

}  // namespace pagestore

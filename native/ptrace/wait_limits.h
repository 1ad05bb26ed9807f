// Which system calls wait no longer than a limit that the program gives, counted from the call's beginning; how long
// that is; and what the call returns when the time is over.
//
// The kernel does not keep the time that is left of such a call when it interrupts it, but for a few: those it goes on
// with by restart_syscall, or it writes the time that is left into the program's own memory. Limits that are moments of
// a clock (mq_timedreceive, most uses of futex) need nothing: a call that is made again waits for the same moment.
#pragma once

#include <sys/types.h>

#include <optional>

#include "linux/remote_memory.h"
#include "ptrace/system_call.h"

namespace pagestore {

// Where the call takes its limit.
enum class LimitForm : uint8_t {
  milliseconds,  // an argument
  time,          // an argument points to seconds and nanoseconds
  timeval,       // an argument points to seconds and microseconds
  ring,          // io_uring_enter: an argument may point to a struct that points to a time
  received,      // of the socket
  sent,
};

struct WaitLimit {
  LimitForm form;
  size_t argument;
  int64_t nanoseconds;
  int64_t result;  // of the call when the time is over
};

// Whether a call of this number can have a limit.
bool can_have_limit(int64_t number);

// None if the call waits for ever, for a moment, or not at all.
std::optional<WaitLimit> find_wait_limit(pid_t pid, const RemoteMemory& memory, const SystemCall& call);

}  // namespace pagestore

// What /proc/PID/task/TID says about a thread: whether it has ended, whether it is inside vfork, and whose it is.
//
// Each answer was true at the moment of the call; of a thread that runs it may be false by the next. A thread that is
// not there has ended.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace pagestore {

struct ThreadStatus {
  bool has_ended;  // or is about to end: it cannot be traced then
  pid_t parent;    // of its process; 0 when that cannot be read
};

ThreadStatus read_thread_status(pid_t pid, pid_t thread);

// Whether it has ended, or was killed and will.
bool is_dying(pid_t pid, pid_t thread);

// Whether it is inside vfork, for a child that shares its memory: until the child ends or becomes another
// program, nothing can stop this thread.
bool is_inside_vfork(pid_t pid, pid_t thread);

struct RestReading {
  bool is_at_rest;  // it waits in the kernel, or has ended: it does nothing until something happens
  uint64_t runs;    // how often it was let run by now; 0 where the kernel does not say
};
RestReading read_rest(pid_t pid, pid_t thread);

// Whether a process has a handler for this signal.
bool is_caught(pid_t pid, int signal);
// Whether it neither has a handler for it nor ignores it.
bool is_default(pid_t pid, int signal);

// Whether a process has a filter of system calls (seccomp), put on by itself or by whoever started it.
bool has_system_call_filter(pid_t pid);

// Whether `id` is a thread of process `pid`, and not a process of its own.
bool is_thread_of(pid_t pid, pid_t id);

}  // namespace pagestore

// What `/proc/PID/task` tells of a thread.
#pragma once

#include <sys/types.h>

namespace pagestore {

// Whether it has ended or is about to (it cannot be traced then), and whose child its process is.
bool has_ended(pid_t pid, pid_t thread, pid_t* parent);

// Whether it waits in vfork, for a child that has its memory: until that ends nothing can stop it.
bool waits_in_vfork(pid_t pid, pid_t thread);

// Whether `id` is a thread of process `pid`, and not a process of its own.
bool is_thread_of(pid_t pid, pid_t id);

}  // namespace pagestore

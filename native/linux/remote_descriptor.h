// Descriptors of another process, as duplicates in ours: they share its open files.
//
// The kernel lets us have them (pidfd_getfd) where we may trace the process; a container may forbid that. A process
// whose main thread has ended is named by another one of its threads, which it takes Linux 6.9 for.
#pragma once

#include <sys/types.h>

#include "system/scoped_fd.h"

namespace pagestore {

// A descriptor for the process of a thread; not open, with errno, where there is none.
ScopedFd open_process(pid_t task);
// −1, with errno, where the process has no such descriptor or we may not have it.
int get_descriptor(const ScopedFd& process, int descriptor);
// Whether the system allows that at all; tried once, on ourselves.
bool may_get_descriptors();
// Both at once.
ScopedFd copy_descriptor(pid_t task, int descriptor);

}  // namespace pagestore

// Descriptors of another process, as duplicates in ours: they share its open files.
//
// The kernel lets us have them (pidfd_getfd) where we may trace the process; a container may forbid that.
#pragma once

#include <sys/types.h>

#include "system/scoped_fd.h"

namespace pagestore {

// A descriptor for the process; not open, with errno, where there is none.
ScopedFd open_process(pid_t pid);
// −1, with errno, where the process has no such descriptor or we may not have it.
int get_descriptor(const ScopedFd& process, int descriptor);
// Both at once.
ScopedFd copy_descriptor(pid_t pid, int descriptor);

}  // namespace pagestore

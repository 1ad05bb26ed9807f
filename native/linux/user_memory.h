// Memory of another process as the kernel reaches it for that process's own system calls: within the protections of its
// pages, so that what it would refuse the process (EFAULT) is refused here, too. RemoteMemory goes through any
// protection.
//
// Bytes that lie across two pages may be copied half-way before the second is refused, as in the kernel.
#pragma once

#include <sys/types.h>

#include <cstddef>

#include "linux/remote_address.h"

namespace pagestore {

// `thread` is one of the process's that has not ended.
bool read_as_user(pid_t thread, RemoteAddress from, void* bytes, size_t count);
bool write_as_user(pid_t thread, RemoteAddress to, const void* bytes, size_t count);

}  // namespace pagestore

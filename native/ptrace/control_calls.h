// What calls of fcntl and ioctl mean for descriptors, by their commands; and which calls give a process descriptors
// that it has under another number already.
#pragma once

#include "linux/remote_memory.h"
#include "ptrace/system_call.h"

namespace pagestore {

// Whether a call of fcntl makes a descriptor.
bool duplicates_by_control(const SystemCall& call);

// Whether a call takes a lock, or a lease, that belongs to an open file.
bool takes_lock(const SystemCall& call);

// Whether a call of fcntl or ioctl changes nothing but what is put back: it reads, or sets flags. Locks show in what
// the kernel tells of the open file.
bool is_harmless_control(const SystemCall& call);

// Whether a call may take open files of the process out of a message, or out of another process.
bool gets_descriptors(const SystemCall& call, const RemoteMemory& memory);

}  // namespace pagestore

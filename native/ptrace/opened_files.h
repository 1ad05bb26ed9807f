// Which file a system call is about to open for writing, or to cut, by its path: so that what is written through a
// descriptor that no snapshot has is not missed.
//
// The path is looked up as the process would do it, before the call. One that is looked up wrongly (through a symbolic
// link that means something else in the root directory of the process) names another file.
#pragma once

#include <sys/types.h>

#include <optional>
#include <span>

#include "linux/remote_memory.h"
#include "ptrace/system_call.h"

namespace pagestore {

struct ChangedFile {
  uint64_t device, inode;
  uint64_t low;  // the first byte that may change
};

// None for a call that opens nothing for writing, that only adds to the end, or that makes a new file.
std::optional<ChangedFile> file_to_change(pid_t pid, const SystemCall& call, const RemoteMemory& memory);

// Which pipe, socket or device a call is about to open by a path. Only below /proc and /dev, if not `anywhere`.
struct OpenedStream {
  uint64_t device, inode;
  bool is_device;
};
std::optional<OpenedStream> stream_to_open(pid_t pid, const SystemCall& call, const RemoteMemory& memory,
                                           bool anywhere);

}  // namespace pagestore

// The memory of a process that we trace, as a debugger reaches it: /proc/PID/mem, opened once.
//
// Reads and writes are of all bytes or fail, and go through any protection. It leaves to its caller: to open
// it again when the process has become another program.
#pragma once

#include <sys/types.h>

#include <cstddef>

#include "linux/remote_address.h"
#include "system/scoped_fd.h"
#include "system/status.h"

namespace pagestore {

class RemoteMemory {
 public:
  Status open(pid_t pid);
  const ScopedFd& file() const { return file_; }

  Status read(RemoteAddress address, void* bytes, size_t count) const;
  Status write(RemoteAddress address, const void* bytes, size_t count) const;

 private:
  Status check(RemoteAddress address, ssize_t done, size_t count) const;

  pid_t pid_ = 0;
  ScopedFd file_;
};

}  // namespace pagestore

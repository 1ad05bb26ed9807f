// Paths as a traced process means them: read from its memory, and looked up from its folders and in its root directory.
//
// What is found is what the process would find; what is said not to be there (ENOENT) is not there for it either. Where
// the process has a root directory other than ours, a relative path is looked up only if no symbolic link lies on its
// way; where one does, it cannot be looked up. A link to /proc/self is told only at the start of a path.
//
// It leaves to its caller: that the process is stopped.
#pragma once

#include <fcntl.h>
#include <sys/types.h>

#include <span>

#include "linux/remote_memory.h"
#include "system/scoped_fd.h"

namespace pagestore {

// A path that a call has as an argument, the folder from which it starts, and how openat2(2) is told to go.
struct PathArgument {
  int folder = AT_FDCWD;
  uint64_t path = 0;
  uint64_t resolve = 0;
};

// As openat2 takes them, which older headers lack.
struct OpenHow {
  uint64_t flags, mode, resolve;
};

constexpr size_t kMostPath = 4096;

// False where it cannot be read.
bool read_path(const RemoteMemory& memory, uint64_t address, std::span<char, kMostPath> path);

// What the path leads to, opened with O_PATH; not open, with errno, where it leads nowhere or cannot be looked up.
ScopedFd look_up(pid_t task, int folder, const char* path, uint64_t resolve = 0);

// Whether the process has one thread.
bool has_one_thread(pid_t task);

}  // namespace pagestore

#include "process/thread_status.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "system/scoped_fd.h"

namespace pagestore {

bool has_ended(pid_t pid, pid_t thread, pid_t* parent) {
  constexpr unsigned kExiting = 4;  // the kernel's PF_EXITING
  char path[60], text[512] = "", state = 'X';
  snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, thread);
  const ScopedFd file(open(path, O_RDONLY | O_CLOEXEC));
  if (!file.is_open() || read(file.get(), text, sizeof(text) - 1) <= 0) return errno == ENOENT || errno == ESRCH;
  unsigned flags = 0;
  const char* behind = strrchr(text, ')');  // the name in parentheses may hold anything
  if (behind != nullptr) sscanf(behind, ") %c %d %*d %*d %*d %*d %u", &state, parent, &flags);
  return state == 'Z' || state == 'X' || (flags & kExiting) != 0;
}

bool is_thread_of(pid_t pid, pid_t id) {
  char path[60];
  snprintf(path, sizeof(path), "/proc/%d/task/%d", pid, id);
  return access(path, F_OK) == 0;
}

}  // namespace pagestore

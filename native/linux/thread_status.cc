#include "linux/thread_status.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "system/scoped_fd.h"

namespace pagestore {

namespace {

// The kernel's text about a thread, cut where it is long; false if there is none.
template <size_t kLength>
bool read_text(pid_t pid, pid_t thread, const char* name, char (&text)[kLength]) {
  char path[60];
  snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", pid, thread, name);
  const ScopedFd file(open(path, O_RDONLY | O_CLOEXEC));
  const ssize_t got = file.is_open() ? read(file.get(), text, kLength - 1) : -1;
  text[got > 0 ? got : 0] = '\0';
  return got > 0;
}

// From behind the name, which may hold anything.
const char* behind_name(const char* stat) {
  return strrchr(stat, ')');
}

}  // namespace

bool has_ended(pid_t pid, pid_t thread, pid_t* parent) {
  constexpr unsigned kExiting = 4;  // the kernel's PF_EXITING
  char text[512], state = 'X';
  if (!read_text(pid, thread, "stat", text)) return errno == ENOENT || errno == ESRCH;
  unsigned flags = 0;
  const char* behind = behind_name(text);
  if (behind != nullptr) sscanf(behind, ") %c %d %*d %*d %*d %*d %u", &state, parent, &flags);
  return state == 'Z' || state == 'X' || (flags & kExiting) != 0;
}

bool waits_in_vfork(pid_t pid, pid_t thread) {
  char text[512];
  const char* behind = read_text(pid, thread, "stat", text) ? behind_name(text) : nullptr;
  if (behind == nullptr || !std::string_view(behind).starts_with(") D")) return false;
  long number = 0;
  uint64_t first = 0, flags = 0;
  if (!read_text(pid, thread, "syscall", text) || sscanf(text, "%ld %" SCNx64, &number, &first) != 2) return false;
#if defined(SYS_vfork)
  if (number == SYS_vfork) return true;
#endif
  if (number == SYS_clone) flags = first;
  iovec here{&flags, sizeof(flags)}, there{reinterpret_cast<void*>(first), sizeof(flags)};
  if (number == SYS_clone3 && process_vm_readv(pid, &here, 1, &there, 1, 0) < 0) return false;
  return (flags & CLONE_VFORK) != 0;
}

bool is_thread_of(pid_t pid, pid_t id) {
  char path[60];
  snprintf(path, sizeof(path), "/proc/%d/task/%d", pid, id);
  return access(path, F_OK) == 0;
}

}  // namespace pagestore

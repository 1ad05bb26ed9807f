// Functions that newer glibcs have under new names or symbol versions, made of what glibc 2.28 has.
//
// An addon loads only where glibc has every version of every symbol that it was linked with. Linked on a current
// system, these few functions alone would require glibc 2.30 to 2.34, while Node itself requires 2.28. Which versions
// the addon requires is checked whenever it is built for others (scripts/prebuild.ts).
//
// Each returns -1 and sets errno when it fails.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

#include "system/non_copyable.h"

namespace pagestore {

// gettid
inline pid_t current_thread() {
  return static_cast<pid_t>(syscall(SYS_gettid));
}

// tgkill
inline int signal_thread(pid_t process, pid_t thread, int signal) {
  return static_cast<int>(syscall(SYS_tgkill, process, thread, signal));
}

// pthread_sigmask. On Linux sigprocmask sets the calling thread's mask and no other.
inline int mask_signals(int how, const sigset_t* signals, sigset_t* before) {
  return sigprocmask(how, signals, before);
}

// stat and fstat, as far as what a file is, and how long. What the kernel knows has to do: a server behind a file
// system, which may be another process or far away, is not asked, as it may never answer.
inline int read_file_status(int folder, const char* path, struct stat* status) {
  constexpr int kFlags = AT_EMPTY_PATH | 0x4000;     // AT_STATX_DONT_SYNC
  constexpr unsigned kWanted = 0x1 | 0x100 | 0x200;  // STATX_TYPE, STATX_INO, STATX_SIZE
  struct statx found;
  if (syscall(SYS_statx, folder, path, kFlags, kWanted, &found) != 0) {
    if (errno != ENOSYS && errno != EPERM) return -1;
    return static_cast<int>(syscall(SYS_newfstatat, folder, path, status, AT_EMPTY_PATH));
  }
  *status = {};
  status->st_dev = makedev(found.stx_dev_major, found.stx_dev_minor);
  status->st_rdev = makedev(found.stx_rdev_major, found.stx_rdev_minor);
  status->st_ino = found.stx_ino;
  status->st_mode = found.stx_mode;
  status->st_size = static_cast<off_t>(found.stx_size);
  return 0;
}
inline int read_file_status(const char* path, struct stat* status) {
  return read_file_status(AT_FDCWD, path, status);
}
inline int read_file_status(int descriptor, struct stat* status) {
  return read_file_status(descriptor, "", status);
}

// A timer of the kernel, which names it by a number; glibc's timer_t is a pointer.
class KernelTimer : NonCopyable {
 public:
  ~KernelTimer() {
    if (is_made_) syscall(SYS_timer_delete, number_);
  }

  // Makes the timer, once. Whenever it expires, the kernel sends `signal` to the calling thread.
  int make(clockid_t clock, int signal) {
    sigevent event{};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = signal;
#if defined(sigev_notify_thread_id)
    event.sigev_notify_thread_id = current_thread();
#else
    event._sigev_un._tid = current_thread();
#endif
    const auto result = static_cast<int>(syscall(SYS_timer_create, clock, &event, &number_));
    is_made_ = result == 0;
    return result;
  }

  int set(const itimerspec& period) {
    return static_cast<int>(syscall(SYS_timer_settime, number_, 0, &period, nullptr));
  }

 private:
  int number_ = 0;
  bool is_made_ = false;
};

}  // namespace pagestore

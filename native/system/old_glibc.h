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
#include <time.h>
#include <unistd.h>

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

// stat and fstat: the kernel fills what glibc declares.
inline int read_file_status(const char* path, struct stat* status) {
  return static_cast<int>(syscall(SYS_newfstatat, AT_FDCWD, path, status, 0));
}
inline int read_file_status(int descriptor, struct stat* status) {
  return static_cast<int>(syscall(SYS_fstat, descriptor, status));
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

// What the newer glibc has under new names or versions, said so that an older one has it, too.
//
// An addon loads only where glibc has every version of every symbol that it was linked with. Linked on a current
// system, these few alone would ask for glibc 2.30 to 2.34, where Node itself makes do with 2.28. What the addon asks
// for is checked whenever it is built for others (scripts/prebuild.ts).
//
// What fails returns -1 and sets errno.
#pragma once

#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

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

// A timer of the kernel's, a number there where glibc's timer_t is a pointer.
class KernelTimer {
 public:
  KernelTimer() = default;
  ~KernelTimer() {
    if (is_made_) syscall(SYS_timer_delete, number_);
  }
  KernelTimer(const KernelTimer&) = delete;
  KernelTimer& operator=(const KernelTimer&) = delete;

  // Once; it sends `signal` to the calling thread whenever it is due.
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

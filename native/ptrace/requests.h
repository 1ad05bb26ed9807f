// What ptrace is asked, where it may be refused.
//
// Of a thread that is stopped, the kernel itself refuses only one that was killed (ESRCH). But who stands between us
// and the kernel (a sandbox) may refuse any request, and the next one no longer. What puts a thread back, or stops it,
// is asked for again then.
#pragma once

#include <sys/ptrace.h>
#include <sys/types.h>

#include <cerrno>

#include "system/status.h"

namespace pagestore {

// After a request that failed, by `errno`.
inline Status refused_request(pid_t thread, const char* what) {
  return errno == ESRCH ? Status::process_gone(thread, "was killed") : Status::system(Error::tracee, what, errno);
}

// False where it was refused; one that has ended stops by itself.
inline bool interrupt_thread(pid_t thread) {
  for (int i = 0; i < 2; ++i) {
    if (ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr) == 0 || errno == ESRCH) return true;
  }
  return false;
}

// Of a thread at a system call: nobody else knows whether it is before the call or behind it. False where it was
// refused.
inline bool get_call_info(pid_t thread, __ptrace_syscall_info* info) {
  for (int i = 0; i < 2; ++i) {
    if (ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof(*info), info) >= 0) return true;
    if (errno == ESRCH) return false;
  }
  return false;
}

}  // namespace pagestore

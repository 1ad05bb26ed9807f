#include "ptrace/seizing.h"

#include <sys/ptrace.h>

#include <cerrno>

#include "linux/thread_status.h"
#include "ptrace/requests.h"

namespace pagestore {

Status seize_thread(const Seizing& seizing, pid_t thread, bool* is_seized, ThreadSleep* sleep) {
  const pid_t pid = seizing.pid;
  *is_seized = false;
  if (ptrace(PTRACE_SEIZE, thread, nullptr, seizing.options) != 0) {
    const int error_number = errno;
    if (thread != pid && (error_number == ESRCH || read_thread_status(pid, thread).has_ended)) return Status::ok();
    if (read_thread_status(pid, pid).has_ended) return Status::process_gone(pid, "has ended");
    return process_refused(pid, "ptrace(PTRACE_SEIZE)", error_number);
  }
  *sleep = read_sleep(pid, thread);
  *is_seized = true;
  interrupt_thread(thread);
  return Status::ok();
}

}  // namespace pagestore

#include "ptrace/taken_child.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <unistd.h>

#include <cerrno>

#include "linux/proc_file.h"

namespace pagestore {

bool ask_to_be_traced() {
  return ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0 && kill(getpid(), SIGSTOP) == 0;
}

Status take_traced_child(TracedThread& thread, ProcessWaiter& waiter, long options) {
  WaitEvent event;
  if (Status status = waiter.wait_for_stop(thread, &event); !status.is_ok()) return status;
  thread.enter(activity::SignalDelivery{});
  if (ptrace(PTRACE_SETOPTIONS, thread.id(), nullptr, options) == 0) return Status::ok();
  return Status::process_gone(thread.id(), "was killed");
}

// The signal stops it before it executes anything. Once it is seized, it is stopped by us, and the signal is taken
// back: it comes as one that is delivered, or has stopped the process, which then takes another signal.
Status seize_taken(TracedThread& thread, ProcessWaiter& waiter, long options) {
  const pid_t pid = thread.id();
  int expected = SIGSTOP;
  if (kill(pid, expected) != 0) return Status::process_gone(pid, "was killed");
  if (Status status = thread.run(PTRACE_DETACH, 0); !status.is_ok()) return status;
  if (ptrace(PTRACE_SEIZE, pid, nullptr, options) != 0) return process_refused(pid, "ptrace(PTRACE_SEIZE)", errno);
  for (;;) {
    WaitEvent event;
    ptrace(PTRACE_INTERRUPT, pid, nullptr, nullptr);
    if (Status status = waiter.wait_for_stop(thread, &event); !status.is_ok()) return status;
    thread.enter(activity::Interrupted{});
    const bool is_signal = event.ptrace_event() == 0, is_group_stop = !is_signal && event.signal() == SIGSTOP;
    if (is_signal && event.signal() == expected) expected = 0;
    if (is_group_stop && expected == SIGSTOP) expected = kill(pid, SIGCONT) == 0 ? SIGCONT : 0;
    if (expected == 0 && !is_signal && !is_group_stop) return Status::ok();
    if (Status status = thread.run(PTRACE_CONT, 0); !status.is_ok()) return status;
  }
}

}  // namespace pagestore

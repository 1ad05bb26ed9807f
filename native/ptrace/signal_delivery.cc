#include "ptrace/signal_delivery.h"

#include <sys/ptrace.h>
#include <unistd.h>

#include "ptrace/saved_context.h"
#include "system/assert.h"
#include "system/old_glibc.h"

namespace pagestore {

namespace {

Status send_and_stop(ProcessWaiter& waiter, TracedThread& thread, int signal) {
  std::optional<int> unblockable;  // another signal, to be sent again
  signal_thread(waiter.pid(), thread.id(), signal);
  for (;;) {
    WaitEvent event;
    if (Status status = thread.run(PTRACE_CONT, 0); !status.is_ok()) return status;
    if (Status status = waiter.wait_for_stop(thread, &event); !status.is_ok()) return status;
    const bool is_signal = event.ptrace_event() == 0;
    if (is_signal && event.signal() == signal) break;
    thread.enter(activity::Interrupted{});
    if (is_signal) unblockable = event.signal();
  }
  thread.enter(activity::SignalDelivery{});
  if (unblockable) signal_thread(waiter.pid(), thread.id(), *unblockable);
  return Status::ok();
}

}  // namespace

Status stop_before_signal(ProcessWaiter& waiter, TracedThread& thread, const siginfo_t& info) {
  PS_ASSERT(thread.is_stopped() && !thread.is_inside_vfork());
  if (!thread.is_at(activity::Kind::signal_delivery)) {
    SavedContext saved(thread);
    if (Status status = saved.save(); !status.is_ok()) return status;
    saved.drop_question();
    thread.forget_interruption();
    Registers* registers;
    if (Status status = thread.get_registers(&registers); !status.is_ok()) return status;
    if (Status status = thread.set_blocked_signals(~(uint64_t{1} << (info.si_signo - 1))); !status.is_ok()) {
      return status;
    }
    registers->cancel_call();
    thread.mark_registers_dirty();
    if (Status status = send_and_stop(waiter, thread, info.si_signo); !status.is_ok()) return status;
    if (Status status = saved.restore(); !status.is_ok()) return status;
  }
  if (ptrace(PTRACE_SETSIGINFO, thread.id(), nullptr, &info) == 0) return Status::ok();
  return Status::process_gone(thread.id(), "was killed");
}

siginfo_t signal_for(const TracedThread& thread, const SignalAnswer& answer) {
  siginfo_t info{};
  if (answer.kind == SignalAnswer::Kind::replace) {
    info.si_signo = answer.signal;
    info.si_pid = getpid();
    info.si_uid = getuid();
  } else if (answer.kind == SignalAnswer::Kind::deliver && thread.asked_signal() != nullptr) {
    info = *thread.asked_signal();
  }
  return info;
}

}  // namespace pagestore

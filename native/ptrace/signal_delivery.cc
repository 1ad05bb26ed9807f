#include "ptrace/signal_delivery.h"

#include <sys/ptrace.h>
#include <unistd.h>

#include <algorithm>

#include "ptrace/call_return.h"
#include "ptrace/hidden_register.h"
#include "ptrace/pending_signals.h"
#include "ptrace/saved_context.h"
#include "system/assert.h"
#include "system/old_glibc.h"

namespace pagestore {

namespace {

// By which signal the thread is stopped: whichever it is, the one that it gets is said afterwards. One that waits for
// the thread already would be taken for ours, and a second one of most signals does not wait.
// Should we end before it is taken, the program gets it: then it is the one that it shall get, or one that does nothing
// unless it is handled.
Status choose_signal(const TracedThread& thread, int wanted, bool outlives_us, int* chosen) {
  GrowingArray<siginfo_t> pending;
  if (Status status = read_pending_signals(thread.id(), SignalQueue::of_thread, &pending); !status.is_ok()) {
    return status;
  }
  const auto is_pending = [&pending](int signal) {
    return std::any_of(pending.begin(), pending.end(), [&](const siginfo_t& each) { return each.si_signo == signal; });
  };
  *chosen = wanted;
  if (outlives_us) {
    for (const int other : {SIGURG, SIGWINCH, SIGCHLD}) {
      if (is_pending(*chosen)) *chosen = other;
    }
    return Status::ok();
  }
  constexpr int kLast = 64;
  for (int other = kLast; is_pending(*chosen) && other >= SIGRTMIN; --other) *chosen = other;
  return Status::ok();
}

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

Status stop_before_signal(ProcessWaiter& waiter, const RemoteMemory& memory, TracedThread& thread,
                          const siginfo_t& info, StubCalls* stubs) {
  PS_ASSERT(thread.is_stopped() && !thread.is_inside_vfork());
  if (!thread.is_at(activity::Kind::signal_delivery) || thread.has_to_return()) {
    // Where the kernel takes from registers what it was interrupted in, they are put back at the signal.
    if (Registers::kHidesCalls) {
      if (Status status = leave_entry(waiter, thread); !status.is_ok()) return status;
      if (Status status = take_back_to_call(waiter, memory, thread); !status.is_ok()) return status;
    }
    SavedContext saved(thread);
    if (Status status = saved.save(); !status.is_ok()) return status;
    saved.drop_question();
    thread.forget_interruption();
    Registers* registers;
    if (Status status = thread.get_registers(&registers); !status.is_ok()) return status;
    int signal;
    if (Status status = choose_signal(thread, info.si_signo, stubs != nullptr, &signal); !status.is_ok()) return status;
    if (stubs != nullptr) {
      if (Status status = stubs->enter(thread); !status.is_ok()) return status;
    } else if (!thread.kernel_knows_call()) {
      registers->cancel_call();
      thread.mark_registers_dirty();
    }
    if (Status status = thread.set_blocked_signals(~(uint64_t{1} << (signal - 1))); !status.is_ok()) return status;
    if (Status status = send_and_stop(waiter, thread, signal); !status.is_ok()) return status;
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

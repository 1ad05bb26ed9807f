#include "ptrace/stop_classifier.h"

#include <sys/ptrace.h>

#include "ptrace/alarm_calls.h"
#include "ptrace/breakpoints/kernel_breakpoint.h"
#include "ptrace/requests.h"
#include "ptrace/time_stamp_counter.h"
#include "system/assert.h"

namespace pagestore {

// Also a thread of which that cannot be found out is stopped, and nobody may wait for it.
Status StopClassifier::classify(TracedThread& thread, const WaitEvent& event, const RunOptions& options,
                                std::optional<Stop>* stop) {
  const Status status = classify_stop(thread, event, options, stop);
  if (!status.is_ok() && status.error() != Error::process_gone && thread.is_running()) {
    thread.enter(activity::Interrupted{});
  }
  return status;
}

Status StopClassifier::classify_stop(TracedThread& thread, const WaitEvent& event, const RunOptions& options,
                                     std::optional<Stop>* stop) {
  PS_ASSERT(!event.is_end() && event.thread == thread.id());
  stop->reset();
  const int kind = event.ptrace_event(), signal = event.signal();
  if (signal == kSystemCallStop) return system_calls_.classify(thread, options, stop);
  if (kind == PTRACE_EVENT_SECCOMP) return system_calls_.classify_by_filter(thread, options, stop);
  if (kind == PTRACE_EVENT_STOP) {
    // A group-stop lasts until somebody ends it; anything else is an interruption that came late.
    const bool is_group_stop = signal != SIGTRAP;
    if (!is_group_stop || !thread.listen()) {
      thread.on_interrupt(is_group_stop);
      waits_.on_interrupt(thread);
    }
    return Status::ok();
  }
  if (kind != 0) return events_.classify(thread, kind, stop);
  return classify_signal(thread, signal, options, stop);
}

// A handler ends the call that the thread was interrupted in: its exit is reported before the signal.
void StopClassifier::report_end_of_call(TracedThread& thread, int signal, const RunOptions& options,
                                        std::optional<Stop>* stop) {
  const std::optional<ReportedCall> call = thread.repeated_call();
  if (!call || !options.wants_exit_of(call->number) || !thread.has_seen_next_entry()) return;
  thread.settle_repeated_call(signal);
  if (thread.repeated_call()) return;
  thread.set_pending_stop(**stop);
  *stop = make_stop(StopKind::system_call, thread.id(), call->number);
}

// True where the signal is a breakpoint's, and no affair of the program.
bool StopClassifier::classify_breakpoint(TracedThread& thread, const siginfo_t& info, const RunOptions& options,
                                         std::optional<Stop>* stop) {
  const bool is_kernels = KernelBreakpoint::is_cause(info);
  const bool is_instruction = info.si_code == SI_KERNEL || info.si_code == TRAP_BRKPT;
  Registers* registers;
  // One that was still under way when the last run ended is nobody's any more.
  if (!options.breakpoint) return is_kernels;
  if ((!is_kernels && !is_instruction) || !thread.get_registers(&registers).is_ok()) return false;
  const RemoteAddress address(registers->instruction_pointer() - (is_kernels ? 0 : Registers::kPastBreakpoint));
  if (address != *options.breakpoint) return is_kernels;
  registers->instruction_pointer() = address.value();
  thread.mark_registers_dirty();
  *stop = make_stop(StopKind::breakpoint, thread.id());
  (*stop)->address = address;
  return true;
}

Status StopClassifier::classify_signal(TracedThread& thread, int signal, const RunOptions& options,
                                       std::optional<Stop>* stop) const {
  siginfo_t info{};
  if (ptrace(PTRACE_GETSIGINFO, thread.id(), nullptr, &info) != 0) {
    return refused_request(thread.id(), "asking about a signal (PTRACE_GETSIGINFO)");
  }
  thread.enter(activity::SignalDelivery{});
  waits_.on_interrupt(thread);
  if (signal == SIGTRAP && classify_breakpoint(thread, info, options, stop)) return Status::ok();
  if (parts_.traits.answers_counter && answer_counter_fault(thread, info, parts_.memory, &parts_.clock)) {
    return Status::ok();
  }
  thread.ask(question::Signal{expired_alarm(info).value_or(info)});
  *stop = thread.signal_stop();
  report_end_of_call(thread, signal, options, stop);
  return Status::ok();
}

}  // namespace pagestore

#include "ptrace/breakpoints/step_over.h"

#include <sys/ptrace.h>

#include "ptrace/call_instruction.h"
#include "system/assert.h"

namespace pagestore {

namespace {

Status step(const StepTools& tools, TracedThread& thread, const RunOptions& options, std::optional<Stop>* stop) {
  // The entry of a call is classified as any other, and not stepped over.
  const bool is_call = is_call_instruction(tools.memory, options.breakpoint->value());
  RunOptions without_breakpoint = options;
  without_breakpoint.breakpoint.reset();
  for (;;) {
    WaitEvent event;
    // A thread in a group-stop does not run until that is over.
    if (thread.is_stopped()) {
      if (Status status = thread.run(is_call ? PTRACE_SYSCALL : PTRACE_SINGLESTEP, 0); !status.is_ok()) return status;
    }
    if (Status status = tools.waiter.wait_for_stop(thread, &event); !status.is_ok()) return status;
    const Status status = tools.classifier.classify(thread, event, without_breakpoint, stop);
    if (!status.is_ok() || *stop) return status;
    if (thread.is_at(activity::Kind::call_entry)) return Status::ok();
    // An interruption that came late is no step.
  }
}

}  // namespace

bool is_past_breakpoint(const TracedThread& thread, Registers registers, RemoteAddress address) {
  const bool comes_back = thread.has_entered_call() || thread.has_to_return() || is_interrupted(registers);
  return registers.instruction_pointer() == address.value() && !comes_back && !thread.asks(question::Kind::signal);
}

Status step_over_breakpoint(const StepTools& tools, TracedThread& thread, const RunOptions& options,
                            std::optional<Stop>* stop) {
  PS_ASSERT(options.breakpoint);
  stop->reset();
  Registers* registers;
  if (Status status = thread.get_registers(&registers); !status.is_ok()) return status;
  if (!is_past_breakpoint(thread, *registers, *options.breakpoint)) return Status::ok();
  if (Status status = step(tools, thread, options, stop); !status.is_ok()) return status;
  // The end of a step is a SIGTRAP from the kernel.
  const siginfo_t* signal = thread.asked_signal();
  if (signal != nullptr && signal->si_signo == SIGTRAP && signal->si_code > 0) {
    thread.ask(question::None{});
    stop->reset();
  }
  return Status::ok();
}

}  // namespace pagestore

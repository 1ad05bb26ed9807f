#include "ptrace/call_return.h"

#include <signal.h>
#include <sys/ptrace.h>

#include "ptrace/call_instruction.h"
#include "ptrace/requests.h"
#include "ptrace/saved_context.h"
#include "system/old_glibc.h"

namespace pagestore {

// It stops there before it executes an instruction, and before it looks for signals.
Status take_to_signal_code(ProcessWaiter& waiter, TracedThread& thread) {
  WaitEvent event;
  interrupt_thread(thread.id());
  if (Status status = thread.run(PTRACE_CONT, 0); !status.is_ok()) return status;
  if (Status status = waiter.wait_for_stop(thread, &event); !status.is_ok()) return status;
  thread.on_interrupt(event.ptrace_event() == PTRACE_EVENT_STOP && event.signal() != SIGTRAP);
  return Status::ok();
}

namespace {

// A thread that is before its call enters it, and leaves it: the kernel does not make the call, and asks no filter.
Status pass_call(ProcessWaiter& waiter, TracedThread& thread) {
  std::optional<int> unblockable;  // a signal to be sent again
  auto request = PTRACE_SYSEMU;
  do {
    WaitEvent event;
    if (Status status = thread.run(request, 0); !status.is_ok()) return status;
    if (Status status = waiter.wait_for_stop(thread, &event); !status.is_ok()) return status;
    if (event.signal() != kSystemCallStop) {
      thread.enter(activity::Interrupted{});
      if (event.ptrace_event() == 0) unblockable = event.signal();
    } else if (request == PTRACE_SYSEMU) {
      thread.enter(activity::CallEntry{});
      request = PTRACE_SYSCALL;
    } else {
      thread.enter(activity::CallExit{});
    }
  } while (!thread.is_at(activity::Kind::call_exit));
  if (unblockable) signal_thread(waiter.pid(), thread.id(), *unblockable);
  return Status::ok();
}

bool is_behind_call_instruction(const RemoteMemory& memory, Registers registers) {
  return is_call_instruction(memory, registers.instruction_pointer() - Registers::kCall.size());
}

// By the registers the thread is in the call, or before another one that the kernel would take for it.
Status enter_and_leave(ProcessWaiter& waiter, TracedThread& thread) {
  Registers* registers;
  uint64_t blocked;
  const std::optional<TimedWait> wait = thread.wait();
  SavedContext saved(thread);
  if (Status status = saved.save(); !status.is_ok()) return status;
  if (Status status = thread.get_registers(&registers); !status.is_ok()) return status;
  if (Status status = thread.get_blocked_signals(&blocked); !status.is_ok()) return status;
  const Registers left = *registers;
  if (is_interrupted(left)) registers->rewind_call();
  thread.mark_registers_dirty();
  if (Status status = thread.set_blocked_signals(UINT64_MAX); !status.is_ok()) return status;
  if (Status status = pass_call(waiter, thread); !status.is_ok()) return status;
  if (Status status = thread.get_registers(&registers); !status.is_ok()) return status;
  *registers = left;
  thread.mark_registers_dirty();
  if (is_interrupted(left)) thread.show_first_argument(left.call().arguments[0]);
  if (Status status = thread.set_blocked_signals(blocked); !status.is_ok()) return status;
  if (Status status = take_to_signal_code(waiter, thread); !status.is_ok()) return status;
  thread.wait() = wait;
  return saved.restore();
}

}  // namespace

Status take_back_to_call(ProcessWaiter& waiter, const RemoteMemory& memory, TracedThread& thread) {
  if (!thread.has_to_return()) return Status::ok();
  if (!Registers::kHidesCalls) {
    if (Status status = take_to_signal_code(waiter, thread); !status.is_ok()) return status;
    thread.return_to_call();
    return Status::ok();
  }
  Registers* registers;
  if (Status status = thread.get_registers(&registers); !status.is_ok()) return status;
  thread.return_to_call();
  if (is_interrupted(*registers) && !is_behind_call_instruction(memory, *registers)) {
    // Somebody has given the thread other registers.
    registers->rewind_call();
    thread.mark_registers_dirty();
    return Status::ok();
  }
  return enter_and_leave(waiter, thread);
}

}  // namespace pagestore

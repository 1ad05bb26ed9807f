#include "ptrace/hidden_register.h"

#include <sys/syscall.h>

#include "ptrace/call_return.h"
#include "ptrace/saved_context.h"

namespace pagestore {

Status leave_exit(ProcessWaiter& waiter, TracedThread& thread) {
  if (thread.has_entered_call() || !thread.is_hidden_register_unknown()) return Status::ok();
  const TracedThread::Errand errand = thread.errand();
  if (Status status = take_to_signal_code(waiter, thread); !status.is_ok()) return status;
  thread.set_errand(errand);
  return Status::ok();
}

Status leave_exits(ProcessWaiter& waiter, const ThreadTable& threads) {
  for (TracedThread* thread : threads.all()) {
    if (!thread->is_stopped()) continue;
    if (Status status = unless_dying(*thread, leave_exit(waiter, *thread)); !status.is_ok()) return status;
  }
  return Status::ok();
}

// The kernel makes a harmless call instead, which every filter allows.
Status leave_entry(ProcessWaiter& waiter, TracedThread& thread) {
  Registers* registers;
  if (!thread.is_at(activity::Kind::call_entry) || !thread.is_hidden_register_unknown()) return Status::ok();
  if (Status status = thread.get_registers(&registers); !status.is_ok()) return status;
  if (registers->runs_32_bit_code()) return Status::ok();
  const TracedThread::Errand errand = thread.errand();
  const bool has_call = thread.has_entered_call() && registers->is_in_call();
  Registers before = *registers;
  if (has_call) {
    before.rewind_call();
    registers->replace({SYS_getpid, registers->call().arguments});
    thread.mark_registers_dirty();
  }
  if (Status status = take_to_signal_code(waiter, thread); !status.is_ok()) return status;
  thread.set_errand(errand);
  if (!has_call) return Status::ok();
  if (Status status = thread.get_registers(&registers); !status.is_ok()) return status;
  before.set_hidden_register(registers->hidden_register());
  *registers = before;
  thread.mark_registers_dirty();
  thread.expect_repeated_call();
  return Status::ok();
}

Status write_hidden_register(ProcessWaiter& waiter, TracedThread& thread) {
  if (!thread.is_hidden_register_lost()) return Status::ok();
  SavedContext saved(thread);
  if (Status status = saved.save(); !status.is_ok()) return status;
  if (Status status = take_to_signal_code(waiter, thread); !status.is_ok()) return status;
  return saved.restore();
}

}  // namespace pagestore

#include "ptrace/answered_calls.h"

#include <sys/syscall.h>

#include "ptrace/system_call_filter.h"

namespace pagestore {

namespace {

bool is_question(int64_t number) {
  const SystemCallKind kind = kind_of_call(number);
  return kind == SystemCallKind::check || kind == SystemCallKind::choice || kind == SystemCallKind::assertion;
}

Status replace_answered_call(const ProcessTraits& traits, TracedThread& thread) {
  if (!traits.has_others_filter || !thread.is_before_filters() || !thread.has_entered_call()) return Status::ok();
  activity::EnteredCall call = *thread.entered_call();
  if (!call.answer && !is_question(call.number)) return Status::ok();
  Registers* registers;
  if (Status status = thread.get_registers(&registers); !status.is_ok()) return status;
  SystemCall harmless = registers->call();
  call.replaced = harmless;
  harmless.number = SYS_getpid;
  registers->replace(harmless);
  thread.mark_registers_dirty();
  thread.set_entered_call(call);
  return Status::ok();
}

}  // namespace

Status answer_call(const ProcessTraits& traits, TracedThread& thread, int64_t result) {
  Registers* registers;
  if (Status status = thread.get_registers(&registers); !status.is_ok()) return status;
  if (traits.has_others_filter && thread.is_before_filters()) {
    activity::EnteredCall call = *thread.entered_call();
    call.answer = result;
    call.expects_filter_stop = false;
    thread.set_entered_call(call);
    return Status::ok();
  }
  registers->cancel_call();
  registers->set_result(static_cast<uint64_t>(result));
  thread.mark_registers_dirty();
  return Status::ok();
}

bool is_asked_at_exit(const ProcessTraits& traits, const TracedThread& thread) {
  return traits.has_others_filter && thread.is_before_filters();
}

Status leave_cancelled_call(const ProcessTraits& traits, InjectedCalls& injected, TracedThread& thread) {
  Registers* registers;
  if (!traits.has_others_filter || !thread.is_before_filters()) return Status::ok();
  if (Status status = thread.get_registers(&registers); !status.is_ok()) return status;
  if (registers->is_in_call()) return Status::ok();
  int64_t ignored = 0;
  return injected.make(thread, {SYS_getpid, {}}, &ignored);
}

Status prepare_answered_call(const ProcessTraits& traits, InjectedCalls& injected, TracedThread& thread) {
  if (!traits.has_others_filter) return Status::ok();
  const Status status = leave_cancelled_call(traits, injected, thread);
  return status.is_ok() ? replace_answered_call(traits, thread) : status;
}

}  // namespace pagestore

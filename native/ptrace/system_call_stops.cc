#include "ptrace/system_call_stops.h"

#include <sys/ptrace.h>
#include <sys/syscall.h>

#include <algorithm>

#include "ptrace/trap.h"

namespace pagestore {

namespace {

bool is_wanted(const RunOptions& options, int64_t call) {
  return options.system_calls && call >= 0 && call < static_cast<int64_t>(kMostSystemCalls) &&
         (*options.system_calls)[static_cast<size_t>(call)];
}

// As the C library asks for the number that it marks freed blocks with: eight bytes, without waiting.
bool is_heap_key(const SystemCall& call) {
  constexpr uint64_t kNonBlocking = 1;
  return call.arguments[1] == sizeof(uint64_t) && call.arguments[2] == kNonBlocking;
}

// The call is not made: its result is ours.
Status replace_call(TracedThread& thread, Registers** registers) {
  if (Status status = thread.get_registers(registers); !status.is_ok()) return status;
  (*registers)->cancel_call();
  thread.mark_registers_dirty();
  thread.set_entered_call({});
  return Status::ok();
}

}  // namespace

Status SystemCallStops::classify_by_filter(TracedThread& thread, const RunOptions& options, std::optional<Stop>* stop) {
  const std::optional<activity::EnteredCall> before = thread.call_before();
  const bool is_repeated = before && before->expects_filter_stop;
  thread.enter(activity::CallEntry{});
  // The filter stops a thread at entries alone, so the registers say all.
  Registers* registers;
  if (Status status = thread.get_registers(&registers); !status.is_ok()) return status;
  const SystemCall call = registers->call();
  thread.set_entered_call(activity::EnteredCall{call.number, false});
  return is_repeated ? Status::ok() : classify_entry(thread, call, options, stop);
}

Status SystemCallStops::classify(TracedThread& thread, const RunOptions& options, std::optional<Stop>* stop) {
  __ptrace_syscall_info info{};
  if (ptrace(PTRACE_GET_SYSCALL_INFO, thread.id(), sizeof(info), &info) < 0) {
    return Status::process_gone(parts_.traits.pid, "was killed");
  }
  if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
    const std::optional<activity::EnteredCall> call = thread.call_before();
    thread.enter(activity::CallExit{});
    // A wait by the program's own clock knows what is left of it. Where the thread is to return to the call that it
    // waits in, it leaves another one, which was not made.
    if (thread.waits_by_clock()) {
      if (Status status = parts_.clock_calls.finish(thread); !status.is_ok()) return status;
    } else if (!thread.has_to_return()) {
      parts_.waits.on_exit(thread, info.exit.rval, call ? call->began : 0);
    }
    if (call && !options.only_entries && is_wanted(options, call->number)) {
      *stop = make_stop(StopKind::system_call, thread.id(), call->number);
    }
    return Status::ok();
  }
  SystemCall call{static_cast<int64_t>(info.entry.nr), {}};
  std::copy(std::begin(info.entry.args), std::end(info.entry.args), call.arguments.begin());
  const bool expects_filter_stop = parts_.traits.has_filter && is_filtered(parts_.traits.further_calls, call.number);
  thread.enter(activity::CallEntry{activity::EnteredCall{call.number, expects_filter_stop, monotonic_nanoseconds()}});
  parts_.waits.on_entry(thread, call);
  return classify_entry(thread, call, options, stop);
}

Status SystemCallStops::classify_entry(TracedThread& thread, const SystemCall& call, const RunOptions& options,
                                       std::optional<Stop>* stop) {
  if (thread.take_reported_call() == call.number) return Status::ok();
  const SystemCallKind kind = kind_of_call(call.number);
  switch (kind) {
    case SystemCallKind::mapping:
      note_mapping_change(call);
      break;
    case SystemCallKind::advice:
      parts_.changes.add_advice(call.arguments[0], call.arguments[1]);
      break;
    case SystemCallKind::id_address:
      thread.set_id_address(RemoteAddress(call.arguments[0]));
      break;
    case SystemCallKind::random:
      if (parts_.traits.has_deterministic_heap && is_heap_key(call)) return answer_random(thread, call);
      break;
    case SystemCallKind::check:
    case SystemCallKind::choice:
    case SystemCallKind::assertion:
      return answer_program(thread, call, kind, stop);
    case SystemCallKind::process_exit:
    case SystemCallKind::thread_exit: {
      const auto code = static_cast<int64_t>(call.arguments[0] & 0xff);
      if (kind == SystemCallKind::process_exit || parts_.threads.is_only_live(thread)) {
        thread.ask(question::ProcessExit{});
        *stop = make_stop(StopKind::exit, thread.id(), code);
      } else {
        thread.ask(question::ThreadExit{});
        *stop = make_stop(StopKind::thread_exit, thread.id(), code);
      }
      return Status::ok();
    }
    case SystemCallKind::other:
      break;
  }
  if (!is_wanted(options, call.number)) return Status::ok();
  thread.ask(question::Call{});
  *stop = make_stop(StopKind::system_call, thread.id(), call.number);
  (*stop)->is_entry = true;
  return Status::ok();
}

// Pages and their tables may be replaced although the same is mapped again.
void SystemCallStops::note_mapping_change(const SystemCall& call) {
  const auto& arguments = call.arguments;
  parts_.changes.mark_mappings_changed();
  if (call.number == SYS_munmap) parts_.changes.add_advice(arguments[0], arguments[1]);
  if (call.number == SYS_mremap) parts_.changes.add_advice(arguments[0], std::max(arguments[1], arguments[2]));
}

Status SystemCallStops::answer_random(TracedThread& thread, const SystemCall& call) {
  constexpr uint64_t kNumber = 0x6b65'7920'6f66'2061;
  if (!parts_.memory.write(RemoteAddress(call.arguments[0]), &kNumber, sizeof(kNumber)).is_ok()) return Status::ok();
  Registers* registers;
  if (Status status = replace_call(thread, &registers); !status.is_ok()) return status;
  registers->set_result(sizeof(kNumber));
  return Status::ok();
}

Status SystemCallStops::answer_program(TracedThread& thread, const SystemCall& call, SystemCallKind kind,
                                       std::optional<Stop>* stop) {
  Registers* registers;
  if (Status status = replace_call(thread, &registers); !status.is_ok()) return status;
  const auto& arguments = call.arguments;
  if (kind == SystemCallKind::check) {
    parts_.program.declarations = RemoteAddress(arguments[0]);
    registers->set_result(trap::kUnderCheck);
    return Status::ok();
  }
  Stop result = make_stop(StopKind::assertion, thread.id());
  result.file = RemoteAddress(arguments[1]);
  result.line = arguments[2];
  if (kind == SystemCallKind::choice) {
    // The next `resume` gives the result.
    const int alternatives = std::max(static_cast<int>(arguments[0]), 0);
    result.kind = StopKind::choice;
    result.value = alternatives;
    thread.ask(question::Choice{alternatives, result.file, result.line});
  } else {
    result.text = RemoteAddress(arguments[0]);
    registers->set_result(0);  // without it the program aborts, as where nobody checks it
  }
  *stop = result;
  return Status::ok();
}

}  // namespace pagestore

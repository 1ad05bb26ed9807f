#include "ptrace/system_call_stops.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>

#include "linux/kernel_pages.h"
#include "linux/userfaultfd.h"
#include "ptrace/answered_calls.h"
#include "ptrace/descriptor_calls.h"
#include "ptrace/filters/added_filter.h"
#include "ptrace/requests.h"
#include "ptrace/trap.h"
#include "ptrace/untraced_clone.h"
#include "system/page_size.h"

namespace pagestore {

namespace {

// As the C library asks for the number that it marks freed blocks with: eight bytes, without waiting.
bool is_heap_key(const SystemCall& call) {
  constexpr uint64_t kNonBlocking = 1;
  return call.arguments[1] == sizeof(uint64_t) && call.arguments[2] == kNonBlocking;
}

// Whether the call has not come to an end: it was interrupted, and what is to be made of that is decided later.
bool is_interrupted_at_exit(TracedThread& thread, int64_t result) {
  Registers* registers;
  if (result != -EINTR && !is_restart(result)) return false;
  return thread.get_registers(&registers).is_ok() && is_interrupted(*registers);
}

// The call is not made: its result is ours.
Status replace_call(TracedThread& thread, Registers** registers) {
  if (Status status = thread.get_registers(registers); !status.is_ok()) return status;
  (*registers)->cancel_call();
  thread.mark_registers_dirty();
  thread.set_entered_call({});
  return Status::ok();
}

// The same where its result is known at the entry.
Status end_call(const ProcessTraits& traits, TracedThread& thread, int64_t result) {
  if (Status status = answer_call(traits, thread, result); !status.is_ok()) return status;
  if (!thread.entered_call()->answer) thread.set_entered_call({});
  return Status::ok();
}

}  // namespace

Status SystemCallStops::classify_by_filter(TracedThread& thread, const RunOptions& options, std::optional<Stop>* stop) {
  const std::optional<activity::EnteredCall> before = thread.call_before();
  const bool is_repeated = before && before->expects_filter_stop;
  thread.enter(activity::CallEntry{{}, true});
  // The filter stops a thread at entries alone, so the registers say all.
  Registers* registers;
  if (Status status = thread.get_registers(&registers); !status.is_ok()) return status;
  const SystemCall call = registers->call();
  if (before && before->replaced) {
    // The one that the kernel makes instead.
    registers->replace(*before->replaced);
    thread.set_entered_call(before);
    return Status::ok();
  }
  activity::EnteredCall entered{call.number, false};
  entered.first_argument = call.arguments[0];
  if (is_repeated) entered.reported = before->reported;
  thread.set_entered_call(entered);
  if (note_other_interface(thread, call)) return Status::ok();
  if (!is_repeated) return classify_entry(thread, call, options, stop);
  file_calls_.on_entry(thread, call);
  return Status::ok();
}

Status SystemCallStops::before_run(TracedThread& thread) {
  if (!thread.has_entered_call()) return Status::ok();
  Registers* registers;
  if (Status status = thread.get_registers(&registers); !status.is_ok()) return status;
  note_change(registers->call());
  file_calls_.on_entry(thread, registers->call());
  return Status::ok();
}

Status SystemCallStops::classify(TracedThread& thread, const RunOptions& options, std::optional<Stop>* stop) {
  __ptrace_syscall_info info{};
  if (!get_call_info(thread.id(), &info)) {
    return refused_request(thread.id(), "asking about a system call (PTRACE_GET_SYSCALL_INFO)");
  }
  if (info.op == PTRACE_SYSCALL_INFO_EXIT) return classify_exit(thread, info.exit.rval, options, stop);
  if (info.arch != our_interface() || is_x32_call(static_cast<int64_t>(info.entry.nr))) {
    thread.enter(activity::CallEntry{});
    parts_.program.has_made_other_calls = true;
    return Status::ok();
  }
  SystemCall call{static_cast<int64_t>(info.entry.nr), {}};
  std::copy(std::begin(info.entry.args), std::end(info.entry.args), call.arguments.begin());
  const bool is_stopped_at = is_filtered(parts_.traits.further_calls, call.number) || file_calls_.is_filtered(call);
  const bool expects_filter_stop = parts_.traits.has_filter && is_stopped_at;
  activity::EnteredCall entered{call.number, expects_filter_stop, monotonic_nanoseconds()};
  entered.first_argument = call.arguments[0];
  thread.enter(activity::CallEntry{entered});
  parts_.waits.on_entry(thread, call);
  return classify_entry(thread, call, options, stop);
}

Status SystemCallStops::classify_exit(TracedThread& thread, int64_t result, const RunOptions& options,
                                      std::optional<Stop>* stop) {
  const std::optional<activity::EnteredCall> call = thread.call_before();
  thread.enter(activity::CallExit{});
  if (call && call->replaced) return leave_replaced_call(thread, *call, options, stop);
  if (call && (result == -EINTR || is_restart(result))) thread.show_first_argument(call->first_argument);
  // A wait by the program's own clock knows what is left of it.
  if (thread.waits_by_clock()) {
    if (Status status = parts_.clock_calls.finish(thread); !status.is_ok()) return status;
    // The kernel may have noted the first argument that it was given for the wait: it is put right where the thread
    // stops.
    if (Registers::kHidesCalls && thread.kernel_knows_call()) ptrace(PTRACE_INTERRUPT, thread.id(), nullptr, nullptr);
  } else {
    parts_.waits.on_exit(thread, result, call ? call->began : 0);
  }
  if (!call) return Status::ok();
  file_calls_.on_exit(thread.id(), call->effects, result);
  const int64_t number = call->reported ? call->reported->number : call->number;
  if (options.wants_exit_of(number) && !is_interrupted_at_exit(thread, result)) {
    *stop = make_stop(StopKind::system_call, thread.id(), number);
  }
  return Status::ok();
}

Status SystemCallStops::leave_replaced_call(TracedThread& thread, const activity::EnteredCall& call,
                                            const RunOptions& options, std::optional<Stop>* stop) {
  Registers* registers;
  if (!call.answer) return answer_program(thread, *call.replaced, kind_of_call(call.number), stop);
  if (Status status = thread.get_registers(&registers); !status.is_ok()) return status;
  registers->cancel_call();
  registers->set_result(static_cast<uint64_t>(*call.answer));
  thread.mark_registers_dirty();
  if (options.wants_exit_of(call.number)) *stop = make_stop(StopKind::system_call, thread.id(), call.number);
  return Status::ok();
}

Status SystemCallStops::classify_entry(TracedThread& thread, const SystemCall& call, const RunOptions& options,
                                       std::optional<Stop>* stop) {
  file_calls_.on_entry(thread, call);
  const SystemCallKind kind = kind_of_call(call.number);
  if (kind == SystemCallKind::clone || kind == SystemCallKind::clone3) {
    if (Status status = trace_what_starts(thread, call); !status.is_ok()) return status;
  }
  note_change(call);
  if (thread.is_entry_reported_already()) return Status::ok();
  switch (kind) {
    case SystemCallKind::id_address:
      thread.set_id_address(RemoteAddress(call.arguments[0]));
      break;
    case SystemCallKind::random:
      if (parts_.traits.has_deterministic_heap && is_heap_key(call)) return answer_random(thread, call);
      break;
    case SystemCallKind::check:
    case SystemCallKind::choice:
    case SystemCallKind::assertion:
      return is_asked_at_exit(parts_.traits, thread) ? Status::ok() : answer_program(thread, call, kind, stop);
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
    case SystemCallKind::clone:
    case SystemCallKind::clone3:
    case SystemCallKind::descriptors:
    case SystemCallKind::transfer:
    case SystemCallKind::exec:
    case SystemCallKind::mapping:
    case SystemCallKind::advice:
    case SystemCallKind::timer:
    case SystemCallKind::filter:
    case SystemCallKind::other:
      break;
  }
  if (!options.wants(call.number)) return Status::ok();
  thread.mark_entry_reported();
  thread.ask(question::Call{});
  *stop = make_stop(StopKind::system_call, thread.id(), call.number);
  (*stop)->is_entry = true;
  return Status::ok();
}

// Whenever the thread is about to make the call: at its entry a snapshot may be taken.
void SystemCallStops::note_change(const SystemCall& call) {
  const SystemCallKind kind = kind_of_call(call.number);
  if (kind == SystemCallKind::mapping) note_mapping_change(call);
  if (kind == SystemCallKind::advice) note_advice(call);
  if (call.number == SYS_ioctl) note_registration(call);
  if (changes_descriptors(call.number)) parts_.program.may_have_given_up = true;
  if (kind == SystemCallKind::timer) parts_.program.may_have_changed_timers = true;
  if (adds_filter(call)) note_filter(call);
}

// Without room to note it nothing is allowed.
void SystemCallStops::note_filter(const SystemCall& call) {
  parts_.program.may_have_new_filters = true;
  if (parts_.traits.is_spawned && !add_filter_of(call, parts_.memory, &parts_.program.filters).is_ok()) {
    parts_.program.has_unknown_filters = true;
  }
}

// Pages and their tables may be replaced although the same is mapped again.
void SystemCallStops::note_mapping_change(const SystemCall& call) {
  const auto& arguments = call.arguments;
  parts_.changes.mark_mappings_changed();
  AddressRange& growing = parts_.program.growing;
  if (call.number == SYS_mmap && (arguments[3] & MAP_GROWSDOWN) != 0) {
    growing = around(growing, as_far_as_it_goes(arguments[0], arguments[1]));
  }
  if (call.number == SYS_mremap && growing.length() > 0) {
    growing = around(growing, as_far_as_it_goes(arguments[4], arguments[2]));
  }
  if (call.number == kSealMemory) parts_.program.has_seals = true;
  const bool sets_break = call.number == SYS_prctl && arguments[0] == PR_SET_MM;
  if (call.number == SYS_brk || sets_break) parts_.program.may_have_moved_break = true;
  if (call.number == SYS_munmap) parts_.changes.add_advice(arguments[0], arguments[1]);
  if (call.number == SYS_mremap) parts_.changes.add_advice(arguments[0], std::max(arguments[1], arguments[2]));
}

void SystemCallStops::note_advice(const SystemCall& call) {
  constexpr uint64_t kInstallGuard = 102, kRemoveGuard = 103;
  const auto& [address, length, advice, d, e, f] = call.arguments;
  AddressRange range;
  parts_.changes.add_advice(address, length);
  const bool is_freed = advice == MADV_FREE && range_of(address, round_up(length, page_size()), &range).is_ok();
  if (is_freed && !parts_.program.freed.add(range).is_ok()) parts_.changes.mark_unseen();
  if (advice != kInstallGuard && advice != kRemoveGuard) return;
  const bool is_range = address % page_size() == 0 && range_of(address, round_up(length, page_size()), &range).is_ok();
  if (advice == kInstallGuard && is_range && range.length() > 0 && parts_.program.userfaultfd != nullptr) {
    parts_.program.userfaultfd->unprotect(range);
  }
  parts_.program.has_guards = true;
  parts_.changes.mark_mappings_changed();
}

// The kernel refuses to register memory twice: what the program wants to have is no longer ours.
void SystemCallStops::note_registration(const SystemCall& call) {
  kernel::UffdioRegister wanted;
  if (static_cast<uint32_t>(call.arguments[1]) != kernel::kUffdioRegister) return;
  if (!parts_.memory.read(RemoteAddress(call.arguments[2]), &wanted, sizeof(wanted)).is_ok()) return;
  AddressRange range;
  parts_.changes.mark_mappings_changed();
  parts_.changes.add_advice(wanted.range.start, wanted.range.len);
  if (!range_of(wanted.range.start, wanted.range.len, &range).is_ok()) return;
  // Without room to note it nothing is tracked that the kernel has us register.
  const bool is_served = (wanted.mode & ~kernel::kUffdioRegisterModeWp) != 0;
  if (!parts_.program.registered.add(range, is_served).is_ok()) parts_.changes.mark_unseen();
  if (parts_.program.userfaultfd != nullptr) parts_.program.userfaultfd->unregister_range(range);
}

// Whether the call is one of another interface, which the filter stops at whatever its number is. Only then does a
// number tell nothing; the calls by which a program speaks to us have numbers that no interface has.
bool SystemCallStops::note_other_interface(TracedThread& thread, const SystemCall& call) {
  const SystemCallKind kind = kind_of_call(call.number);
  if (kind == SystemCallKind::choice || kind == SystemCallKind::assertion) return false;
  __ptrace_syscall_info info{};
  const bool is_ours =
      !get_call_info(thread.id(), &info) || (info.arch == our_interface() && !is_x32_call(call.number));
  if (is_ours) return false;
  parts_.program.has_made_other_calls = true;
  return true;
}

// What nobody traces would run on while we capture and restore, and be left behind at the end. A C library that is told
// that there is no clone3 makes the call clone instead.
Status SystemCallStops::trace_what_starts(TracedThread& thread, const SystemCall& call) {
  Registers* registers;
  if (asks_not_to_be_traced(call)) {
    if (Status status = thread.get_registers(&registers); !status.is_ok()) return status;
    registers->replace(traced(call));
    thread.mark_registers_dirty();
    return Status::ok();
  }
  uint64_t flags = 0;
  if (call.number != SYS_clone3 || parts_.traits.has_filter) return Status::ok();
  const bool is_untraced = parts_.memory.read(RemoteAddress(call.arguments[0]), &flags, sizeof(flags)).is_ok() &&
                           (flags & CLONE_UNTRACED) != 0;
  if (!is_untraced) return Status::ok();
  return end_call(parts_.traits, thread, -ENOSYS);
}

Status SystemCallStops::answer_random(TracedThread& thread, const SystemCall& call) {
  constexpr uint64_t kNumber = 0x6b65'7920'6f66'2061;
  if (!parts_.memory.write(RemoteAddress(call.arguments[0]), &kNumber, sizeof(kNumber)).is_ok()) return Status::ok();
  return end_call(parts_.traits, thread, sizeof(kNumber));
}

Status SystemCallStops::answer_program(TracedThread& thread, const SystemCall& call, SystemCallKind kind,
                                       std::optional<Stop>* stop) {
  Registers* registers;
  if (Status status = replace_call(thread, &registers); !status.is_ok()) return status;
  const auto& arguments = call.arguments;
  if (kind == SystemCallKind::check) {
    parts_.program.declarers.add(RemoteAddress(arguments[0]));
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

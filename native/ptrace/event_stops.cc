#include "ptrace/event_stops.h"

#include <sched.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include "linux/thread_status.h"
#include "ptrace/auxiliary_vector.h"
#include "ptrace/release/late_releases.h"
#include "ptrace/requests.h"

namespace pagestore {

namespace {

constexpr uint64_t kClearsId = 0x0020'0000;  // CLONE_CHILD_CLEARTID

// Where the kernel clears a new thread's number when the thread ends: an argument of clone, for clone3 in a
// struct.
std::optional<RemoteAddress> find_id_address(const SystemCall& call, const RemoteMemory& memory) {
#if defined(__x86_64__)
  constexpr size_t kIdArgument = 3;
#else
  constexpr size_t kIdArgument = 4;
#endif
  if (call.number == SYS_clone && (call.arguments[0] & kClearsId) != 0) {
    return RemoteAddress(call.arguments[kIdArgument]);
  }
  struct {
    uint64_t flags, pidfd, child_tid;
  } arguments{};
  if (call.number == SYS_clone3 &&
      memory.read(RemoteAddress(call.arguments[0]), &arguments, sizeof(arguments)).is_ok() &&
      (arguments.flags & kClearsId) != 0) {
    return RemoteAddress(arguments.child_tid);
  }
  return {};
}

// The stack that a new thread begins on: its end as an argument of clone, for clone3 all of it in a struct.
AddressRange find_first_stack(const SystemCall& call, const RemoteMemory& memory) {
  if (call.number == SYS_clone) return {call.arguments[1], call.arguments[1]};
  struct {
    uint64_t before[5], stack, stack_bytes;
  } arguments{};
  AddressRange range{};
  const bool is_read =
      call.number == SYS_clone3 && memory.read(RemoteAddress(call.arguments[0]), &arguments, sizeof(arguments)).is_ok();
  if (!is_read || !range_of(arguments.stack, arguments.stack_bytes, &range).is_ok()) return {};
  return range;
}

}  // namespace

Status EventStops::classify(TracedThread& thread, int event, std::optional<Stop>* stop) {
  // A start may give the process a descriptor; another program does not have all of them.
  parts_.files.mark_descriptors_changed();
  if (event == PTRACE_EVENT_EXEC) {
    *stop = make_stop(StopKind::exec, thread.id());
    return on_exec(thread);
  }
  unsigned long message = 0;
  if (ptrace(PTRACE_GETEVENTMSG, thread.id(), nullptr, &message) != 0) {
    return refused_request(thread.id(), "asking who was started (PTRACE_GETEVENTMSG)");
  }
  const auto id = static_cast<pid_t>(message);
  const StartCall start = read_start_call(thread.id());
  if (event == PTRACE_EVENT_VFORK) {
    note_start();
    *stop = make_stop(StopKind::fork, thread.id(), id);
    return on_vfork(thread, id, start);
  }
  thread.enter(activity::Interrupted{});
  if (event == PTRACE_EVENT_CLONE && is_thread_of(parts_.traits.pid, id)) {
    *stop = make_stop(StopKind::clone, thread.id(), id);
    if (!start.shared.descriptors) parts_.files.set_own_descriptors(OwnDescriptors::asked);
    return on_clone(thread, id);
  }
  if (event != PTRACE_EVENT_CLONE && event != PTRACE_EVENT_FORK) return Status::ok();
  note_start();
  *stop = make_stop(StopKind::fork, thread.id(), id);
  if (Status status = parts_.followers.add(id, start, parts_.files.last_start()); !status.is_ok()) return status;
  return parts_.injected.run_to_exit(thread);
}

void EventStops::note_start() {
  parts_.program.may_have_children = true;
  parts_.files.add_start();
}

Status EventStops::on_clone(TracedThread& parent, pid_t id) {
  Registers* registers;
  if (Status status = parent.get_registers(&registers); !status.is_ok()) return status;
  const SystemCall call = registers->call();
  TracedThread* thread;
  if (Status status = parts_.threads.add(id, &thread); !status.is_ok()) {
    LateReleases::here().release(id, false);
    return status;
  }
  WaitEvent event;
  if (Status status = parts_.waiter.wait_for_stop(*thread, &event); !status.is_ok()) return status;
  thread->enter(activity::Interrupted{});
  if (const auto address = find_id_address(call, parts_.memory)) thread->set_id_address(*address);
  thread->set_faulting_counter(parent.has_faulting_counter());
  thread->set_first_stack(find_first_stack(call, parts_.memory));
  return parts_.injected.run_to_exit(parent);
}

// The parent cannot leave the call before the child has ended or become another program.
Status EventStops::on_vfork(TracedThread& parent, pid_t child, const StartCall& start) {
  parent.enter(activity::InsideVfork{parent.call_before()});
  parts_.breakpoint.remove();  // from memory that both share
  return parts_.followers.add(child, start, parts_.files.last_start());
}

// The thread is the only one by now, has the number of the process, and nothing of the memory is what it was.
Status EventStops::on_exec(TracedThread& thread) {
  parts_.threads.remove_all_but(thread);
  parts_.files.set_own_descriptors(OwnDescriptors::nobody);
  parts_.followers.started().on_parting();
  // What was a copy of Node has added ours, and no others.
  if (parts_.program.number++ == 0 && parts_.traits.is_spawned) parts_.program.filters.clear();
  parts_.program.declarers = {};
  parts_.program.growing = {};
  parts_.program.registered = {};
  parts_.program.freed = {};
  parts_.program.userfaultfd = nullptr;
  parts_.program.may_have_moved_break = true;
  parts_.program.has_guards = false;
  parts_.program.has_seals = false;
  parts_.program.may_have_changed_timers = true;
  parts_.program.has_made_other_calls = false;
  parts_.changes.mark_mappings_changed();
  parts_.injected.on_exec();
  parts_.breakpoint.forget();
  thread.on_exec();
  if (Status status = parts_.injected.run_to_exit(thread); !status.is_ok()) return status;
  Registers* registers;
  if (Status status = thread.get_registers(&registers); !status.is_ok()) return status;
  parts_.program.is_32_bit = registers->runs_32_bit_code();
  if (Status status = parts_.memory.open(parts_.traits.pid); !status.is_ok()) return status;
  // What a 32-bit program is told at its start has another layout.
  if (!parts_.traits.keeps_clock || parts_.program.is_32_bit) return Status::ok();
  return hide_kernel_functions(parts_.memory, RemoteAddress(registers->stack()));
}

}  // namespace pagestore

#include "ptrace/injected_calls.h"

#include <sys/ptrace.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "linux/process_regions.h"
#include "ptrace/hidden_register.h"
#include "ptrace/pending_signals.h"
#include "ptrace/requests.h"
#include "ptrace/saved_context.h"
#include "system/assert.h"
#include "system/old_glibc.h"

namespace pagestore {

namespace {

constexpr auto& kCall = Registers::kCall;

// Whether the thread stopped for a fault of its own at an instruction that is none.
bool is_fault(const TracedThread& thread, int signal) {
  siginfo_t info{};
  return (signal == SIGSEGV || signal == SIGBUS || signal == SIGILL) &&
         ptrace(PTRACE_GETSIGINFO, thread.id(), nullptr, &info) == 0 && info.si_code > 0;
}

// Whether a filter has answered the call by this signal.
bool is_trapped(const TracedThread& thread, int signal) {
  constexpr int kSeccomp = 1;  // SYS_SECCOMP
  siginfo_t info{};
  return signal == SIGSYS && ptrace(PTRACE_GETSIGINFO, thread.id(), nullptr, &info) == 0 && info.si_code == kSeccomp;
}

// The signal before which the thread is stopped, if the kernel can put it back among those that wait: it does so where
// a signal that is delivered is blocked by then, with all that it knows of it. One that waits behind others of the same
// number would come after them.
int signal_to_queue(TracedThread& thread) {
  const siginfo_t* info = thread.asked_signal();
  if (info == nullptr || info->si_signo == SIGSTOP || !thread.is_at(activity::Kind::signal_delivery)) return 0;
  GrowingArray<siginfo_t> pending;
  for (const SignalQueue queue : {SignalQueue::of_thread, SignalQueue::of_process}) {
    if (!read_pending_signals(thread.id(), queue, &pending).is_ok()) return 0;
  }
  const bool has_another = std::any_of(pending.begin(), pending.end(),
                                       [&](const siginfo_t& each) { return each.si_signo == info->si_signo; });
  return has_another ? 0 : info->si_signo;
}

}  // namespace

bool InjectedCalls::is_instruction(RemoteAddress address) const {
  std::byte found[kCall.size()];
  return memory_.read(address, found, sizeof(found)).is_ok() && memcmp(found, kCall.data(), sizeof(found)) == 0;
}

bool InjectedCalls::search(const AddressRange& range, RemoteAddress* address) const {
  constexpr size_t kPart = 4096;
  std::byte bytes[kPart + kCall.size()];  // an instruction may lie across two parts
  for (uint64_t start = range.start; start < range.end; start += kPart) {
    const size_t count = std::min<uint64_t>(sizeof(bytes), range.end - start);
    if (!memory_.read(RemoteAddress(start), bytes, count).is_ok()) return false;
    const void* found = memmem(bytes, count, kCall.data(), kCall.size());
    if (found == nullptr) continue;
    *address = RemoteAddress(start) + static_cast<uint64_t>(static_cast<const std::byte*>(found) - bytes);
    return true;
  }
  return false;
}

// In the kernel's own code page, which almost every process has, else in any code.
Status InjectedCalls::find_instruction(RemoteAddress* address) {
  if (instruction_ && is_instruction(*instruction_)) {
    *address = *instruction_;
    return Status::ok();
  }
  RegionList regions;
  const TracedThread* live = threads_.first_live();
  const pid_t id = live != nullptr ? live->id() : waiter_.pid();
  if (Status status = read_regions_of(id, &regions); !status.is_ok()) return status;
  for (const bool is_vdso : {true, false}) {
    RegionReader reader(regions.bytes());
    Region region;
    while (reader.next(&region)) {
      if (region.permissions[2] != 'x' || (region.path == "[vdso]") != is_vdso) continue;
      if (!search({region.start, region.end}, address)) continue;
      instruction_ = *address;
      return Status::ok();
    }
  }
  return Status::system(Error::tracee, "finding a system call instruction in the process", ENOENT);
}

Status InjectedCalls::make(TracedThread& thread, const SystemCall& call, const ArgumentBytes& argument,
                           int64_t* result) {
  PS_ASSERT(!thread.has_ended());
  if (thread.is_at(activity::Kind::inside_vfork)) {
    return Status::system(Error::tracee, "a system call in a thread that is inside vfork", EBUSY);
  }
  Registers* registers;
  if (Status status = thread.get_registers(&registers); !status.is_ok()) return status;
  if (registers->runs_32_bit_code()) {
    return Status::system(Error::tracee, "a system call in a thread that runs 32-bit code", ENOTSUP);
  }
  if (Status status = check_allowed(thread, call); !status.is_ok()) return status;
  if (Status status = leave_entry(waiter_, thread); !status.is_ok()) return status;
  if (Status status = thread.rewind_interrupted_call(); !status.is_ok()) return status;
  SavedContext saved(thread);
  if (Status status = saved.save(); !status.is_ok()) return status;
  thread.forget_interruption();
  const int signal = traits_.outlives_us ? signal_to_queue(thread) : 0;
  if (Status status = enter_call(thread, call, argument); !status.is_ok()) return status;
  if (Status status = run_to_exit(thread, signal); !status.is_ok()) return status;
  if (Status status = thread.get_registers(&registers); !status.is_ok()) return status;
  *result = registers->result();
  if (traits_.outlives_us) stubs_.note(call, *result);
  if (signal != 0) {
    if (Status status = return_to_signal(thread, signal); !status.is_ok()) return status;
  }
  return saved.restore();
}

// All others are blocked, so that the thread stops before this one without executing an instruction.
Status InjectedCalls::return_to_signal(TracedThread& thread, int signal) {
  if (Status status = thread.set_blocked_signals(~(uint64_t{1} << (signal - 1))); !status.is_ok()) return status;
  for (;;) {
    WaitEvent event;
    if (Status status = thread.run(PTRACE_CONT, 0); !status.is_ok()) return status;
    if (Status status = waiter_.wait_for_stop(thread, &event); !status.is_ok()) return status;
    if (event.ptrace_event() == 0) break;
    thread.enter(activity::Interrupted{});
  }
  thread.enter(activity::SignalDelivery{});
  return Status::ok();
}

// What we have started has our filters, and those that it was seen to add.
Status InjectedCalls::check_allowed(TracedThread& thread, const SystemCall& call) {
  if (traits_.is_spawned) {
    if (!program_.has_unknown_filters && program_.filters.allow(call, CallNeed::lives)) return Status::ok();
    return AllowedCalls::forbidden(thread.id());
  }
  if (program_.may_have_new_filters) allowed_.forget();
  program_.may_have_new_filters = false;
  if (Status status = allowed_.check(threads_, thread, call, CallNeed::lives); !status.is_ok()) return status;
  if (!traits_.outlives_us) return Status::ok();
  for (const SystemCall& behind : stubs_.calls_behind(call)) {
    Status status = allowed_.check(threads_, thread, behind, CallNeed::is_made);
    if (!status.is_ok()) return status;
  }
  return Status::ok();
}

TracedThread& InjectedCalls::choose_maker(TracedThread& first, const SystemCall& call) {
  if (check_allowed(first, call).is_ok()) return first;
  for (TracedThread* each : threads_.all()) {
    const bool can_make = each != &first && each->is_stopped() && !each->is_inside_vfork();
    if (can_make && check_allowed(*each, call).is_ok()) return *each;
  }
  return first;
}

// The thread makes that call when it runs, with all signals blocked.
Status InjectedCalls::enter_call(TracedThread& thread, const SystemCall& call, const ArgumentBytes& argument) {
  if (traits_.outlives_us) return stubs_.enter(thread, call, argument);
  PS_ASSERT(argument.bytes.empty());
  Registers* registers;
  RemoteAddress instruction;
  if (Status status = find_instruction(&instruction); !status.is_ok()) return status;
  if (Status status = thread.set_blocked_signals(UINT64_MAX); !status.is_ok()) return status;
  if (Status status = thread.get_registers(&registers); !status.is_ok()) return status;
  if (thread.is_at(activity::Kind::call_entry)) {
    registers->replace(call);
  } else {
    registers->prepare(call, instruction);
  }
  thread.mark_registers_dirty();
  return Status::ok();
}

Status InjectedCalls::run_to_exit(TracedThread& thread, int signal) {
  std::optional<int> unblockable;  // a signal to be sent again
  for (;;) {
    WaitEvent event;
    if (Status status = thread.run(PTRACE_SYSCALL, std::exchange(signal, 0)); !status.is_ok()) return status;
    if (Status status = waiter_.wait_for_stop(thread, &event); !status.is_ok()) return status;
    if (event.signal() != kSystemCallStop) {
      // A signal, or a stop of the system call filter.
      thread.enter(activity::Interrupted{});
      if (event.ptrace_event() != 0) continue;
      if (is_trapped(thread, event.signal())) return AllowedCalls::forbidden(thread.id());
      unblockable = event.signal();
      if (is_fault(thread, *unblockable)) {
        return Status::system(Error::tracee, "a system call instruction where one was found before", EFAULT);
      }
      continue;
    }
    __ptrace_syscall_info info{};
    if (!get_call_info(thread.id(), &info)) {
      thread.enter(activity::Interrupted{});
      return refused_request(thread.id(), "asking about a system call (PTRACE_GET_SYSCALL_INFO)");
    }
    if (info.op != PTRACE_SYSCALL_INFO_EXIT) {
      thread.enter(activity::CallEntry{});
      continue;
    }
    thread.enter(activity::CallExit{});
    if (unblockable) signal_thread(waiter_.pid(), thread.id(), *unblockable);
    return Status::ok();
  }
}

}  // namespace pagestore

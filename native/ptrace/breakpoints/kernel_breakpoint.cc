#include "ptrace/breakpoints/kernel_breakpoint.h"

#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "linux/thread_status.h"
#include "ptrace/breakpoints/step_over.h"
#include "ptrace/requests.h"

namespace pagestore {

namespace {

constexpr int kPerfTrap = 6;                       // TRAP_PERF
constexpr size_t kWhereData = 24;                  // in siginfo_t, si_perf_data
constexpr uint64_t kOurs = 0x7061'6765'7374'6f72;  // as the kernel says with each signal

constexpr uint64_t kInherit = 1 << 1, kExcludeKernel = 1 << 5, kExcludeHypervisor = 1 << 6,
                   kInheritThread = uint64_t{1} << 35, kRemoveOnExec = uint64_t{1} << 36, kSigtrap = uint64_t{1} << 37;

// The structure is laid out here: headers of an old system lack its last fields.
int open_event(pid_t thread, RemoteAddress address) {
  constexpr size_t kSize = 128, kFlags = 40, kType = 52, kAddress = 56, kLength = 64, kData = 120;
  std::array<std::byte, kSize> attributes{};
  const auto set = [&](size_t where, auto value) { memcpy(&attributes[where], &value, sizeof(value)); };
  set(0, uint32_t{PERF_TYPE_BREAKPOINT});
  set(4, uint32_t{kSize});
  set(16, uint64_t{1});  // each time
  set(kFlags, kInherit | kExcludeKernel | kExcludeHypervisor | kInheritThread | kRemoveOnExec | kSigtrap);
  set(kType, uint32_t{HW_BREAKPOINT_X});
  set(kAddress, address.value());
  set(kLength, uint64_t{sizeof(long)});
  set(kData, kOurs);
  return static_cast<int>(syscall(SYS_perf_event_open, attributes.data(), thread, -1, -1, PERF_FLAG_FD_CLOEXEC));
}

struct KernelAction {
  uint64_t handler = 0, flags = 0, restorer = 0, mask = 0;
};
static_assert(sizeof(KernelAction) == kMostArgumentBytes);

Status set_trap_action(TracedThread& first, void (*handler)(int), InjectedCalls& injected) {
  KernelAction action;
  action.handler = reinterpret_cast<uint64_t>(handler);
  int64_t result = 0;
  const SystemCall call{SYS_rt_sigaction, {SIGTRAP, 0, 0, sizeof(action.mask)}};
  TracedThread& thread = injected.choose_maker(first, call);
  Status status = injected.make(thread, call, {1, std::as_bytes(std::span(&action, 1))}, &result);
  if (!status.is_ok() || result == 0) return status;
  return Status::system(Error::tracee, "ignoring SIGTRAP in the process", static_cast<int>(-result));
}

// A thread that is stopped before a signal of ours stops elsewhere, without executing anything. Another signal that
// comes meanwhile is the next thing that is reported of it.
Status leave_trap(TracedThread& thread, ProcessWaiter& waiter) {
  while (thread.is_at(activity::Kind::signal_delivery)) {
    WaitEvent event;
    interrupt_thread(thread.id());
    if (Status status = thread.run(PTRACE_CONT, 0); !status.is_ok()) return status;
    if (Status status = waiter.wait_for_stop(thread, &event); !status.is_ok()) return status;
    if (event.ptrace_event() != 0) {
      thread.on_interrupt(event.ptrace_event() == PTRACE_EVENT_STOP && event.signal() != SIGTRAP);
      continue;
    }
    siginfo_t info{};
    if (ptrace(PTRACE_GETSIGINFO, thread.id(), nullptr, &info) != 0) {
      thread.enter(activity::Interrupted{});
      return refused_request(thread.id(), "asking about a signal (PTRACE_GETSIGINFO)");
    }
    thread.enter(activity::SignalDelivery{});
    if (KernelBreakpoint::is_cause(info)) continue;
    thread.ask(question::Signal{info});
    thread.set_pending_stop(thread.signal_stop());
    break;
  }
  return Status::ok();
}

}  // namespace

bool KernelBreakpoint::is_cause(const siginfo_t& info) {
  uint64_t data;
  memcpy(&data, reinterpret_cast<const std::byte*>(&info) + kWhereData, sizeof(data));
  return info.si_signo == SIGTRAP && info.si_code == kPerfTrap && data == kOurs;
}

Status KernelBreakpoint::ignore_traps(std::span<TracedThread* const> runners, InjectedCalls& injected) {
  if (ignores_traps_ || runners.empty() || !is_default(runners[0]->id(), SIGTRAP)) return Status::ok();
  const Status status = set_trap_action(*runners[0], SIG_IGN, injected);
  ignores_traps_ = status.is_ok();
  return status;
}

void KernelBreakpoint::remove() {
  for (const int event : events_) close(event);
  events_.clear();
}

// Before there is a breakpoint: one that outlives us for a moment, until all of our threads have ended, is ignored,
// too.
Status KernelBreakpoint::insert(RemoteAddress address, std::span<TracedThread* const> runners,
                                const ThreadTable& threads, InjectedCalls& injected, ProcessWaiter& waiter) {
  remove();
  for (TracedThread* thread : runners) {
    Registers* registers;
    if (Status status = thread->get_registers(&registers); !status.is_ok()) return status;
    if (!is_past_breakpoint(*thread, *registers, address)) continue;
    registers->pass_breakpoint();
    thread->mark_registers_dirty();
  }
  if (Status status = ignore_traps(runners, injected); !status.is_ok()) return status;
  const Status status = open_events(address, threads);
  if (status.is_ok()) return status;
  remove();
  // What cannot be put back now is when the process is let go.
  static_cast<void>(put_back(threads, injected, waiter));
  return status;
}

Status KernelBreakpoint::open_events(RemoteAddress address, const ThreadTable& threads) {
  for (const TracedThread* thread : threads.all()) {
    if (thread->has_ended()) continue;
    const int event = open_event(thread->id(), address);
    const int error_number = errno;
    if (event < 0) {
      return Status::system(Error::tracee, "a breakpoint in a process that is to outlive us (perf_event_open)",
                            error_number);
    }
    if (events_.append(event)) continue;
    close(event);
    return Status::no_memory(sizeof(event));
  }
  return Status::ok();
}

// A signal that is ignored comes all the same to a thread that is traced. While it is ignored still, threads leave the
// stops before one that is nobody's; and to ignore it once more makes the kernel drop all that wait, of threads that
// came to the breakpoint when the run had ended. Else the first thread to run without us would end the process.
Status KernelBreakpoint::put_back(const ThreadTable& threads, InjectedCalls& injected, ProcessWaiter& waiter) {
  if (!ignores_traps_) return Status::ok();
  TracedThread* maker = nullptr;
  for (TracedThread* thread : threads.all()) {
    if (!thread->is_stopped() || thread->is_inside_vfork()) continue;
    const bool is_nobodys = thread->is_at(activity::Kind::signal_delivery) && thread->asked_signal() == nullptr;
    const Status status = is_nobodys ? leave_trap(*thread, waiter) : Status::ok();
    if (!unless_dying(*thread, status).is_ok()) return status;
    if (status.is_ok()) maker = thread;
  }
  if (maker == nullptr) return Status::ok();
  Status status = set_trap_action(*maker, SIG_IGN, injected);
  if (status.is_ok()) status = set_trap_action(*maker, SIG_DFL, injected);
  ignores_traps_ = !status.is_ok();
  return status;
}

}  // namespace pagestore

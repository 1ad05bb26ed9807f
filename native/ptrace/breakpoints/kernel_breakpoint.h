// The one breakpoint of a process that outlives us: the kernel keeps it, as an event of each thread (perf_event_open),
// and nothing in the memory of the process changes. It goes with our descriptors, whatever ends us.
//
// The kernel sends SIGTRAP, before which the thread stops. One that is under way when we end would kill the program: so
// the process ignores that signal from before the first breakpoint on until `put_back`, unless it handles it, or
// ignored it before. New threads have the breakpoint, too; other processes do not.
//
// It leaves to its caller: to `remove` it when the threads have stopped.
#pragma once

#include <signal.h>

#include "ptrace/injected_calls.h"
#include "system/non_copyable.h"

namespace pagestore {

class KernelBreakpoint : NonCopyable {
 public:
  ~KernelBreakpoint() { remove(); }

  // For all threads; one of `runners` that is stopped there already leaves it first. Refused where the kernel allows no
  // such events (`perf_event_paranoid`, the filter of a container), or has none left; then the process is as before.
  Status insert(RemoteAddress address, std::span<TracedThread* const> runners, const ThreadTable& threads,
                InjectedCalls& injected, ProcessWaiter& waiter);
  void remove();

  // Whether it is why a thread stops before that signal.
  static bool is_cause(const siginfo_t& info);

  // The process does with SIGTRAP what it did before.
  Status put_back(const ThreadTable& threads, InjectedCalls& injected, ProcessWaiter& waiter);

 private:
  Status open_events(RemoteAddress address, const ThreadTable& threads);
  Status ignore_traps(std::span<TracedThread* const> runners, InjectedCalls& injected);

  GrowingArray<int> events_;
  bool ignores_traps_ = false;  // for us
};

}  // namespace pagestore

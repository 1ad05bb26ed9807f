// Lets the threads of a traced process run until one of them stops for something that is to be reported; then
// the others are interrupted, and what they stopped for at the same moment is pending.
//
// Between two calls no thread runs, but for one inside vfork.
#pragma once

#include "ptrace/breakpoints/breakpoint.h"
#include "ptrace/breakpoints/kernel_breakpoint.h"
#include "ptrace/file_changes.h"
#include "ptrace/memory_changes.h"
#include "ptrace/process_traits.h"
#include "ptrace/started/followers.h"
#include "ptrace/stop_classifier.h"

namespace pagestore {

class RunLoop {
 public:
  struct Parts {
    const ProcessTraits& traits;
    ThreadTable& threads;
    ProcessWaiter& waiter;
    RemoteMemory& memory;
    Breakpoint& breakpoint;
    KernelBreakpoint& kernel_breakpoint;
    Followers& followers;
    MemoryChanges& changes;
    const FileChanges& files;
    StopClassifier& classifier;
    TimedWaits& waits;
    ClockCalls& clock_calls;
    InjectedCalls& injected;
  };
  explicit RunLoop(const Parts& parts) : parts_(parts) {}

  // `asked` is the thread that `options.choose` and `options.signal` are about. A pending stop is reported
  // first, and then nothing runs. If the process was killed, the stop says so.
  Status resume(TracedThread& asked, const RunOptions& options, Stop* stop);

  // A child that was seized runs until it is another program, or has ended.
  Status run_to_exec(Stop* stop);

  // Interrupts every thread that runs, and waits until all are stopped.
  Status interrupt_all(const RunOptions& options);
  // The same for threads that were interrupted already.
  Status wait_until_stopped(const RunOptions& options);

  // The stop that was reported last, and its thread.
  const Stop& last_stop() const { return last_stop_; }
  pid_t last_thread() const { return last_thread_; }
  // A thread that ran on in the last run when all were to come to rest, or that rests only until some time has passed;
  // 0 if there was none.
  pid_t restless() const { return restless_; }
  void set_last(const Stop& stop, pid_t thread) { last_stop_ = stop, last_thread_ = thread; }

 private:
  bool has_ended() const { return parts_.waiter.end().has_value(); }
  Stop end_stop() const;
  // The ptrace request by which the thread runs on.
  int request(const RunOptions& options, TracedThread& thread) const;
  Status answer_choice(TracedThread& thread, const RunOptions& options) const;
  Status choose_runners(TracedThread& asked, const RunOptions& options, GrowingArray<TracedThread*>* runners) const;
  Status run(std::span<TracedThread* const> runners, TracedThread& asked, const RunOptions& options, Stop* stop);
  Status insert_breakpoint(std::span<TracedThread* const> runners, const RunOptions& options,
                           std::optional<Stop>* stop);
  Status run_on(TracedThread& thread, const RunOptions& options, int signal);
  Status start(TracedThread& thread, const RunOptions& options, const SignalAnswer& answer);
  Status wait_for_stop(const RunOptions& options, Stop* stop);
  Status classify(const WaitEvent& event, const RunOptions& options, std::optional<Stop>* stop);
  Status report(Stop reported, const RunOptions& options, Stop* stop);
  Status settle(const RunOptions& options, std::optional<Stop>* other);
  Status see_all_calls(const RunOptions& options, std::optional<Stop>* stop);
  Status break_off(const RunOptions& options, Stop* stop);

  const Parts parts_;
  Stop last_stop_;
  pid_t last_thread_ = 0;
  pid_t restless_ = 0;
};

}  // namespace pagestore

// What becomes of the system calls of a program whose clock we keep (kept_clock.h): those that read a clock are
// answered without the kernel, as are those about the timer of SIGALRM, and those that wait no longer than so long make
// the clock go on when that time has passed.
//
// A process with one thread, and without others that it started, has nobody who could end its wait: a sleep ends at
// once, and other waits ask the kernel with a limit of zero whether they are over. If they are not, the limit has
// passed. With several threads the kernel gets no limit. Once all of them wait, the clock goes on to the limit that
// passes first (`pass_time`), and that wait asks the kernel with a limit of zero.
//
// The kernel gets other arguments than the program passed. They are put back at the call's exit, at which a thread in
// such a wait always stops, and before which nobody sees it. A call that was interrupted there is made again from its
// start, by whatever comes next, with what is left of its limit.
#pragma once

#include "linux/remote_memory.h"
#include "ptrace/kept_clock.h"
#include "ptrace/process_traits.h"
#include "ptrace/started/followers.h"
#include "ptrace/thread_table.h"
#include "system/monotonic_clock.h"

namespace pagestore {

// At which the filter has to stop a program whose clock we keep.
SystemCallSet clock_calls();

class ClockCalls {
 public:
  // Turns below are those of waits that a snapshot had (saved_state.h).
  static constexpr uint64_t kMostThreads = uint64_t{1} << 32;

  struct Parts {
    const ProcessTraits& traits;
    const ThreadTable& threads;
    const Followers& followers;
    KeptClock& clock;
  };
  explicit ClockCalls(const Parts& parts) : parts_(parts) {}

  // Threads run on from where they were when something else has come in between, or after a rollback.
  void begin_step() { step_began_ = monotonic_nanoseconds(); }

  // Before each run of a thread, which may be at the entry of a call. If it is a wait afterwards, the thread has to
  // stop at the call's exit.
  Status prepare(TracedThread& thread);
  // At the exit of a wait. Leaves to its caller: the thread `waits_by_clock`.
  Status finish(TracedThread& thread);
  // The thread was interrupted in a wait, and is about to receive a signal: a handler ends the wait.
  void before_signal(TracedThread& thread, int signal);

  // When `pass_time` has to be asked next, in nanoseconds of the system's monotonic clock; INT64_MAX if there is no
  // need.
  int64_t next_pass(bool is_paced) const;
  // Lets the clock go on where all threads wait. `is_paced`: not sooner than by the system's clock, since somebody
  // outside may act meanwhile. A thread that does not come to wait holds the clock up for as long as the limit lasts by
  // the system's clock, and a second at least; then that thread is returned, else 0.
  pid_t pass_time(bool is_paced);

 private:
  bool is_alone(const TracedThread& thread) const;
  Status begin_wait(TracedThread& thread, const SystemCall& call, const ClockLimit& asked);
  // What the clock goes on to: the end of a thread's wait, or without one the alarm.
  struct NextPass {
    int64_t end = KeptClock::kNever, real_end = 0, began = 0;
    TracedThread* thread = nullptr;
  };
  NextPass next() const;
  void ring();
  bool keeps_real_time(bool is_paced) const { return is_paced || !parts_.followers.all().empty(); }
  void write_rest(TracedThread& thread) const;

  const Parts parts_;
  uint64_t waits_begun_ = kMostThreads;
  int64_t step_began_ = 0;  // by the system's monotonic clock
};

}  // namespace pagestore

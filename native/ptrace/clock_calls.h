// What becomes of the system calls of a program whose clock we keep (kept_clock.h): those that read a clock are
// answered without the kernel, and those that wait no longer than so long make the clock go on when that time has
// passed.
//
// A process with one thread, and without others that it started, has nobody who could end its wait: a sleep ends at
// once, and other waits ask the kernel with a limit of zero whether they are over. If they are not, the limit has
// passed. Else a wait takes real time, as long as the program asked, however often it is interrupted, and the clock
// goes on when it ends.
//
// The kernel gets other arguments than the program passed. They are put back at the call's exit, at which a thread in
// such a wait always stops, and before which nobody sees it. A call that was interrupted there is made again from its
// start, by whatever comes next, with what is left of its limit.
#pragma once

#include "linux/remote_memory.h"
#include "ptrace/followers.h"
#include "ptrace/kept_clock.h"
#include "ptrace/process_traits.h"
#include "ptrace/thread_table.h"

namespace pagestore {

// At which the filter has to stop a program whose clock we keep.
SystemCallSet clock_calls();

class ClockCalls {
 public:
  struct Parts {
    const ProcessTraits& traits;
    const ThreadTable& threads;
    const Followers& followers;
    KeptClock& clock;
  };
  explicit ClockCalls(const Parts& parts) : parts_(parts) {}

  // Before each run of a thread, which may be at the entry of a call. If it is a wait afterwards, the thread has to
  // stop at the call's exit.
  Status prepare(TracedThread& thread);
  // At the exit of a wait. Leaves to its caller: the thread `waits_by_clock`.
  Status finish(TracedThread& thread);

 private:
  bool is_alone(const TracedThread& thread) const;
  Status begin_wait(TracedThread& thread, const SystemCall& call, const ClockLimit& asked);

  const Parts parts_;
};

}  // namespace pagestore

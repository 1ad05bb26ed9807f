// Sees to it that a wait with a limit (epoll_wait, a receive from a socket with a time limit, …) ends when its time is
// over, however often we interrupt it.
//
// The thread makes its call again as the program made it, with all of its limit. But we know how much time is left, and
// when that has passed while the thread is still in the call, we interrupt it once more and give the call the result
// that it has when its time is over. So neither the program's registers nor its memory are ever changed. To know that
// the thread is still in the same call, we have it stop at the call's entry and at its exit: two stops for each time
// that it is interrupted.
//
// A few calls the kernel goes on with by itself, with what is left. After a rollback it knows nothing of them; then
// they are treated as all others.
//
// It leaves to its caller: to ask `has_to_stop` before a thread is let run, to call each `on_` when that happens, and
// `end_overdue` when the time that `next_end` says has come.
#pragma once

#include <span>

#include "linux/remote_memory.h"
#include "ptrace/process_traits.h"
#include "ptrace/traced_thread.h"
#include "system/monotonic_clock.h"

namespace pagestore {

class TimedWaits {
 public:
  TimedWaits(const ProcessTraits& traits, const RemoteMemory& memory) : traits_(traits), memory_(memory) {}

  // Threads are about to be let run.
  void on_run() { run_began_ = monotonic_nanoseconds(); }
  // A thread that runs is about to be interrupted.
  void before_interrupt(TracedThread& thread) const;
  // It has stopped, for that or for a signal, perhaps within a call: whether the call is made again is for the kernel
  // to decide, when it is known whether a handler runs.
  void on_interrupt(TracedThread& thread) const;
  // It stopped at the entry or the exit of a call. `began`: when it entered the call that it leaves; 0 if unknown.
  void on_entry(TracedThread& thread, const SystemCall& call) const;
  void on_exit(TracedThread& thread, int64_t result, int64_t began) const;

  // It is about to run, traced by nobody; it may still be in its wait.
  void before_release(TracedThread& thread) const;
  // A rollback has put it into a wait of which so much time was left.
  void on_restore(TracedThread& thread, int64_t left) const;

  // Whether it must stop at its next system call.
  static bool has_to_stop(const TracedThread& thread) { return thread.wait() && !thread.wait()->is_kept; }

  // When the time of a wait is over in which a thread is now, in monotonic nanoseconds; INT64_MAX if there is none.
  static int64_t next_end(std::span<TracedThread* const> threads);
  static void end_overdue(std::span<TracedThread* const> threads);

 private:
  void settle(TracedThread& thread, int64_t began) const;
  void note(TracedThread& thread, const Registers& registers, int64_t began) const;

  const ProcessTraits& traits_;
  const RemoteMemory& memory_;
  int64_t run_began_ = 0;  // 0 before the first: a process that was attached to ran before
};

}  // namespace pagestore

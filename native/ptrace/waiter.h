// Waits for threads that we trace, for as long as one likes and no longer.
//
// Nobody else's children are touched: one thread is waited for by its number; with several, the first that has
// something to report is seen before it is taken, and a child of somebody else in this process stays for
// whoever started it. A wait sleeps in the kernel. A timer with a real-time signal that nobody uses wakes it
// up from time to time, for this thread only, which otherwise blocks that signal.
#pragma once

#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>

#include <optional>
#include <span>

#include "system/non_copyable.h"
#include "system/old_glibc.h"
#include "system/status.h"

namespace pagestore {

// The signal with which a thread stops at the entry and at the exit of a system call.
inline constexpr int kSystemCallStop = SIGTRAP | 0x80;

// The next stop of a thread, or its end.
struct WaitEvent {
  pid_t thread;
  int status;  // as from waitpid

  bool is_end() const { return !WIFSTOPPED(status); }
  int signal() const { return WSTOPSIG(status); }
  int ptrace_event() const { return status >> 16; }  // PTRACE_EVENT_…, or 0
};

// The stop that a thread has reported, if it still is in it. Never its end, which a thread that was killed meanwhile
// has instead: others may wait for that.
std::optional<WaitEvent> take_stop(pid_t thread);

// Milliseconds of a clock that only goes forward.
int64_t monotonic_now();

class Waiter : NonCopyable {
 public:
  // What a wait needs is made now, and refused now, before anything is traced.
  Status prepare();

  // The end of this child of ours is reported, but its zombie stays: others in this process wait for it.
  void leave_zombie_of(pid_t child) { unreaped_ = child; }
  bool leaves_zombie_of(pid_t child) const { return unreaped_ == child; }

  // A stop before a signal is reported, but stays unreaped until the thread runs: should we end meanwhile, the kernel
  // delivers the signal, which it has forgotten of a stop that was reaped.
  void keep_signals() { keeps_signals_ = true; }

  // Waits for any of `threads`, all of them traced by this thread, until one stops or ends or `milliseconds`
  // have passed; sometimes less. Leaves to its caller: there is at least one.
  Status wait(std::span<const pid_t> threads, int milliseconds, std::optional<WaitEvent>* event);

  // What there is to report about this thread now.
  std::optional<WaitEvent> poll(pid_t thread) const;

  // Reaps the thread if it has ended; false if it has not. True also if there is no such thread.
  bool reap(pid_t thread) const;

 private:
  Status start_timer(int milliseconds);
  std::optional<WaitEvent> take(const siginfo_t& seen) const;

  KernelTimer timer_;
  std::optional<int> period_;  // of the timer, in milliseconds
  std::optional<pid_t> unreaped_;
  bool keeps_signals_ = false;
};

}  // namespace pagestore

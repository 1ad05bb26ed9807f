// Waiting for threads that we trace, for as long as one likes and no longer.
//
// Nobody else's children are touched: one thread is waited for by its number; of several, whoever comes
// first is looked at before it is taken, and a child of somebody else in this process stays for whoever
// started it. A wait sleeps in the kernel. A timer with a real-time signal that nobody uses wakes it up
// from time to time, for this thread only, which otherwise blocks that signal.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <span>

#include "system/old_glibc.h"
#include "system/status.h"

namespace pagestore {

// The event that the status of a thread that stopped tells of (PTRACE_EVENT_…), or 0.
constexpr int event_of(int status) {
  return status >> 16;
}

// What a thread stops with on its way into a system call and out of it.
inline constexpr int kCallStop = SIGTRAP | 0x80;

class Waiting {
 public:
  Waiting() = default;
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

  // What one wait saw: a thread with its status as from waitpid, or 0 when the time is up.
  struct News {
    pid_t thread = 0;
    int status = 0;
  };

  // Waits for any of `threads`, all of them traced by this thread, until one stops or ends or a tick of
  // `milliseconds` has passed; sometimes less. The end of `spared` is only looked at: it is for others in
  // this process to hear of.
  Status wait(std::span<const pid_t> threads, pid_t spared, int milliseconds, News* news);

  // Whether there is something to hear of this one now.
  static bool poll(pid_t thread, pid_t spared, News* news);

  // Whether it has ended; its zombie is taken then, unless it is spared. True also of what is not there.
  static bool take_if_ended(pid_t thread, pid_t spared);

 private:
  Status start_ticking(int milliseconds);

  KernelTimer timer_;
  int ticks_each_ = 0;  // milliseconds; 0 without a timer
};

}  // namespace pagestore

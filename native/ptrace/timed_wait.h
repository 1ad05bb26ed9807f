// A wait with a limit in which a thread was interrupted: which call it is, when its time is over, and what it returns
// then.
//
// When a wait began is not known by itself, as nobody saw it. So before we interrupt a thread that sleeps we note in
// which call, and find out how long it has slept once it is stopped. Where that cannot be known the limit counts from
// the interruption: a wait may then end late, by what had passed of it until its first interruption. It never ends
// early.
#pragma once

#include <sys/types.h>

#include <optional>

#include "linux/thread_sleep.h"
#include "ptrace/registers.h"

namespace pagestore {

// What a thread was seen to sleep in before it was interrupted.
struct ThreadSleep {
  std::optional<SleepingCall> call;
  std::optional<ScheduleReading> schedule;  // only where the call can have a limit
};
ThreadSleep read_sleep(pid_t pid, pid_t thread);

// How long a stopped thread has been in the call that it slept in; 0 where nobody knows.
int64_t time_waited(pid_t pid, pid_t thread, const ThreadSleep& sleep, const Registers& registers);

struct TimedWait {
  SystemCall call{};                 // as the program made it
  RemoteAddress instruction, stack;  // of the thread behind the call
  int64_t end = 0;                   // of its time: monotonic nanoseconds
  int64_t left = 0;                  // when the thread stopped
  int64_t result = 0;                // when the time is over
  bool is_kept = false;              // the kernel goes on with what is left by itself
  bool is_unseen = false;            // since it was noted the thread has run without stopping at its calls
  bool is_made_again = false;        // made again: we have seen its entry, and not its exit
  bool is_ending = false;            // we interrupt it because its time is over
};

// Of a stopped thread whose call failed because it was interrupted (EINTR): its registers become those of one whose
// call is made again, unless a handler runs. False if it was something else.
bool make_again(const ThreadSleep& sleep, Registers* registers);

}  // namespace pagestore

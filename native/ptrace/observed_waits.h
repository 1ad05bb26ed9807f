// What a process that is only stopped from time to time does not notice: a call in which a thread was interrupted is
// made again, with the time that is left where it has a limit.
//
// Nobody sees what the threads do in between. So what is left is among the arguments of the call that is made again
// (shortened_wait.h), and put back when the thread is stopped in the same call. Where the limit is a socket's it is in
// no argument; then the call ends when its thread is stopped after its time is over.
//
// It leaves to its caller: each thread is stopped, and traced by the calling thread.
#pragma once

#include "ptrace/shortened_wait.h"
#include "ptrace/timed_wait.h"
#include "system/growing_array.h"

namespace pagestore {

class ObservedWaits {
 public:
  // A thread was stopped; `sleep` is what it slept in before.
  void on_stop(pid_t pid, pid_t thread, const ThreadSleep& sleep);
  // It is about to run, traced by nobody.
  void before_release(pid_t pid, pid_t thread);
  // All of them run.
  void on_release();

 private:
  struct Wait {
    pid_t thread;
    Registers registers;  // as the thread makes the call again
    WaitLimit limit;
    int64_t end;      // of its time: monotonic nanoseconds
    uint64_t sleeps;  // how often the thread had fallen asleep when it was stopped
    bool is_stopped = true;
    ShortenedWait shortened = {};
  };
  Wait* find(pid_t thread);
  void remove(pid_t thread);
  bool is_in(const Wait& wait, const ThreadSleep& sleep, const Registers& registers) const;

  RemoteMemory memory_;
  pid_t pid_ = 0;
  GrowingArray<Wait> waits_;
};

}  // namespace pagestore

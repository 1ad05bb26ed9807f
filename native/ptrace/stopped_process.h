// A process that is stopped while this lives: every thread of it is seized and interrupted.
//
// By ptrace, and never with a signal: its program does not notice, and runs on as before when we detach,
// whether by the destructor or because this process ends. A thread inside vfork cannot be stopped, and does not run
// until its child has ended or become another program: the child, which mostly shares its memory, is stopped in its
// place. System calls go on where they were, with the time that is left (observed_waits.h); only a sleep notes that
// time in memory of the process. One thread does all of it, as ptrace demands. A process that somebody else traces
// cannot be stopped.
#pragma once

#include <sys/types.h>

#include <memory>

#include "ptrace/observed_waits.h"
#include "system/non_copyable.h"
#include "system/status.h"

namespace pagestore {

class StoppedProcess : NonCopyable {
 public:
  ~StoppedProcess() { resume(); }

  // On failure all threads run.
  Status stop(pid_t pid) { return stop(pid, 0); }
  void resume();

 private:
  Status stop(pid_t pid, int depth);
  Status seize_all();
  Status make_room(pid_t thread, bool* is_wanted);
  Status wait_until_stopped(pid_t thread, const ThreadSleep& sleep);
  Status stop_children_of(pid_t thread, bool* has_stopped);
  Status stop_in_vfork(pid_t child);
  bool has(pid_t thread) const;

  struct SeizedThread {
    pid_t id;
    int signal;  // that it was about to receive when it stopped, or 0, as PTRACE_DETACH takes it
    bool has_stopped;
  };
  GrowingArray<SeizedThread> threads_;
  GrowingArray<pid_t> parked_;  // threads inside vfork that were left alone, as the child is stopped
  ObservedWaits waits_;
  pid_t pid_ = 0;
  int depth_ = 0;                                       // of a child inside the vfork of a child
  bool is_our_child_ = false;                           // others in this process wait for its end
  std::unique_ptr<StoppedProcess> in_vfork_, sibling_;  // a list of children, each of which names the next
};

}  // namespace pagestore

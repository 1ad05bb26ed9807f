// A process that is stopped while this lives: every thread of it is seized and interrupted.
//
// By ptrace, and never with a signal: its program does not notice, and runs on as before when we detach,
// whether by the destructor or because this process ends. System calls go on where they were, with the time that is
// left (observed_waits.h); only a sleep notes that time in memory of the process. One thread does all of it, as ptrace
// demands. A process that somebody else traces cannot be stopped.
#pragma once

#include <sys/types.h>

#include "ptrace/observed_waits.h"
#include "system/non_copyable.h"
#include "system/status.h"

namespace pagestore {

class StoppedProcess : NonCopyable {
 public:
  ~StoppedProcess() { resume(); }

  // On failure all threads run.
  Status stop(pid_t pid);
  void resume();

 private:
  Status seize_all(pid_t pid);
  bool has(pid_t thread) const;

  struct SeizedThread {
    pid_t id;
    int signal;  // that it was about to receive when it stopped, or 0, as PTRACE_DETACH takes it
  };
  GrowingArray<SeizedThread> threads_;
  ObservedWaits waits_;
  pid_t pid_ = 0;
  bool is_our_child_ = false;  // others in this process wait for its end
};

}  // namespace pagestore

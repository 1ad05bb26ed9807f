// A process that stands still while this lives: every thread of it is seized and interrupted.
//
// By ptrace, and never with a signal: its program does not notice, and runs on as before when we let go,
// whether by the destructor or because this process ends. System calls go on where they were; only a
// sleep notes the time that is left, in memory of the process. One thread does all of it, as ptrace
// demands. A process that somebody else traces cannot be stopped.
#pragma once

#include <sys/types.h>

#include "system/growing_array.h"
#include "system/status.h"

namespace pagestore {

class StoppedProcess {
 public:
  StoppedProcess() = default;
  StoppedProcess(const StoppedProcess&) = delete;
  StoppedProcess& operator=(const StoppedProcess&) = delete;
  ~StoppedProcess() { resume(); }

  // On failure no thread is held.
  Status stop(pid_t pid);
  void resume();

 private:
  Status seize_threads(pid_t pid, bool* found_new);
  bool holds(pid_t thread) const;

  struct Held {
    pid_t thread;
    int signal;  // that it was about to receive when it stopped; 0 for none
  };
  GrowingArray<Held> threads_;
  bool is_our_child_ = false;  // whose end is for others in this process to hear of
};

}  // namespace pagestore

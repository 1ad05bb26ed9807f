// Lets go of threads that were seized, wherever they are: also of those that cannot be let go yet.
//
// ptrace lets go only of a thread that is stopped. A thread inside vfork stops when its child has ended or become
// another program, which may take hours, and nobody can wait for that. Such a thread is noted, and let go by a later
// `pass`; until then it is stopped from the moment that its vfork is over. When the thread that traces ends, the kernel
// lets go of all. It leaves to its caller: to call `pass` from time to time while it returns true.
#pragma once

#include <sys/types.h>

#include "system/growing_array.h"
#include "system/non_copyable.h"

namespace pagestore {

// Of a thread whose stop was taken, which receives `signal` or, with 0, none. False if it was killed.
bool detach_stopped(pid_t thread, int signal);

class LateReleases : NonCopyable {
 public:
  // Of the calling thread, which alone can let go of what it traces.
  static LateReleases& here();

  // Of a thread whose stop nobody has taken yet; a signal that it is about to receive is delivered. `leaves_zombie`:
  // the end of this child of ours is for others to wait for.
  void release(pid_t thread, bool leaves_zombie);

  // Lets go of those that have stopped by now. Whether some are left.
  bool pass();

 private:
  struct Seized {
    pid_t thread;
    bool leaves_zombie;
  };
  static bool is_done(const Seized& seized);

  GrowingArray<Seized> seized_;
};

}  // namespace pagestore

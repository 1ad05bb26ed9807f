// One processor for a tracer and its tracees: a stop between two processors costs six times as much.
//
// Tracers get different processors, as far as this thread may run on enough of them: those on other threads of this
// process, and those in other processes. Whoever takes a processor says so by the name of a socket, which the kernel
// gives to one at a time and takes back when the process ends, however that happens; it is known within a network
// namespace, that is, to all but those in other containers; where the system allows no sockets, within this process.
// Several tracees of one thread share the thread's processor, and a thread takes the one that it had before, if that is
// still the best. It is a matter of speed alone: where the system does not let us choose, everything runs on as it was.
//
// But a program can tell processors apart, and its C library notes in its memory on which it started. So programs start
// on the first one that the thread may run on, whichever it takes.
#pragma once

#include <sys/types.h>

#include <optional>

#include "system/non_copyable.h"

namespace pagestore {

// While one of these lives, the thread that made it (and destroys it) runs on one processor alone: the one on
// which the fewest tracers run.
class SharedProcessor : NonCopyable {
 public:
  ~SharedProcessor();

  // Its number, unless the system does not let us choose.
  std::optional<int> take();
  // Where programs start. Leaves to its caller: one was taken.
  int first() const;

 private:
  bool is_taken_ = false;
};

// From then on the thread runs there alone.
bool bind_to_processor(pid_t thread, int processor);
// The same for a thread that is bound to `from`; one that has bound itself otherwise stays where it is.
void move_to_processor(pid_t thread, int from, int to);

}  // namespace pagestore

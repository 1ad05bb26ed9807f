// One processor for a tracer and its tracees: a stop between two processors costs six times as much.
//
// Tracers on different threads of this process get different processors, as far as there are enough. Several tracees of
// one thread share the thread's processor. It is a matter of speed alone: where the system does not let us choose,
// everything runs on as it was.
#pragma once

#include <optional>

#include "system/non_copyable.h"

namespace pagestore {

// While one of these lives, the thread that made it (and destroys it) runs on one processor alone: the one on
// which the fewest tracers of this process run.
class SharedProcessor : NonCopyable {
 public:
  ~SharedProcessor();

  // Its number, unless the system does not let us choose.
  std::optional<int> take();

 private:
  bool is_taken_ = false;
};

}  // namespace pagestore

// One processor for a tracer and its tracees: a stop between two processors costs six times as much.
#pragma once

#include <optional>

namespace pagestore {

// While one of these lives, the thread that made it (and destroys it) runs on one processor alone: the one on
// which the fewest tracers of this process run.
class SharedProcessor {
 public:
  SharedProcessor() = default;
  SharedProcessor(const SharedProcessor&) = delete;
  SharedProcessor& operator=(const SharedProcessor&) = delete;
  ~SharedProcessor();

  // Its number, unless the system does not let us choose.
  std::optional<int> take();

 private:
  bool is_taken_ = false;
};

}  // namespace pagestore

// One processor for a tracer and its tracees: a stop between two processors costs six times as much.
#pragma once

namespace pagestore {

// While one of these lives, the thread that made it (and destroys it) runs on one processor alone: the one
// that the fewest tracers of this process have.
class SharedProcessor {
 public:
  SharedProcessor() = default;
  SharedProcessor(const SharedProcessor&) = delete;
  SharedProcessor& operator=(const SharedProcessor&) = delete;
  ~SharedProcessor();

  // Its number, or -1 where the system does not let us choose.
  int take();

 private:
  bool is_taken_ = false;
};

}  // namespace pagestore

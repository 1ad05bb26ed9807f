// What the facade's LocalMemory calls, beside what all memories have in common (memory.cc).
#include "memory/local_memory.h"

#include "binding/function.h"

namespace pagestore::binding {

namespace {

// (store, tracker) -> memory
Handle open(const Arguments& arguments) {
  const auto tracker = arguments.tracker(1);
  std::unique_ptr<LocalMemory> memory;
  check(LocalMemory::open(&arguments.store(0), tracker, &memory));
  return arguments.addon().add(arguments.handle(0), std::move(memory));
}

}  // namespace

void add_local_memory(Exports& exports) {
  exports.add({{{"openLocalMemory", guarded<open>}}});
}

}  // namespace pagestore::binding

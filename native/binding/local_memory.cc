// What the facade's LocalMemory calls, beside what all memories have in common (memory.cc).
#include "memory/local_memory.h"

#include <cinttypes>

#include "binding/function.h"

namespace pagestore::binding {

namespace {

// Far beyond any memory, and far below where a range could wrap around.
constexpr uint64_t kMostBeside = uint64_t{1} << 52;

// (store, tracker, address of the bytes beside it) -> memory
Handle open(const Arguments& arguments) {
  const auto tracker = arguments.tracker(1);
  const uint64_t beside = arguments.has(2) ? arguments.address(2) : 0;
  if (beside % page_size() != 0 || beside >= kMostBeside) {
    fail(code::address, "bytes beside a memory begin at a page, below 2^52, and not at 0x%" PRIx64, beside);
  }
  std::unique_ptr<LocalMemory> memory;
  check(LocalMemory::open(&arguments.store(0), tracker, beside, &memory));
  return arguments.addon().add(arguments.handle(0), std::move(memory));
}

}  // namespace

void add_local_memory(Exports& exports) {
  exports.add({{{"openLocalMemory", guarded<open>}}});
}

}  // namespace pagestore::binding

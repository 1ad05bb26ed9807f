// The dead part of a thread's stack: bytes below its stack pointer and red zone, which no longer mean anything and do
// not count in a key.
//
// Below the stack pointer there may be live memory: it may lie in a coroutine's stack that is an array in a frame of
// main, whose other frames are below. So stack is dead only where that is proven: unwinding from where the thread
// stopped leads, frame above frame, to where the thread's first frame began (thread_stack.h). Then all that is in use
// on this stack lies above the lowest of these frames. A signal's handler may run on an alternate stack: of that, too,
// the part below is dead, and the walk goes on where the signal interrupted the thread; but only if the signal is
// blocked, as it is while its handler runs. (Old tricks make coroutines by jumping back into a handler's frame.) Where
// the walk does not come to the first frame, or no table says how, nothing is dead. And where a context was saved with
// which the program can go on in lower frames, those are in use, too (saved_contexts.h).
//
// It leaves to its caller: to say when mappings have changed, and that the process is stopped.
#pragma once

#include "linux/unwind/unwinder.h"
#include "memory/tracee/contexts/saved_contexts.h"
#include "memory/tracee/current_mappings.h"
#include "memory/tracee/saved_state.h"
#include "snapshot/page_tree.h"
#include "system/region.h"

namespace pagestore {

// What is dead of the stacks of one thread; empty where nothing is proven.
struct DeadStack {
  AddressRange own{}, alternate{};
  // Of the frames of signals whose handlers run: whoever returns through such a frame has it whole, and nobody reads
  // these bytes, so they need no proof.
  std::array<Leftovers, StackWalk::kMostParts> leftovers{};
};

class DeadStacks {
 public:
  explicit DeadStacks(const TracedProcess& process) : process_(process) {}

  // At each capture, before its first thread. They must live until the last call.
  void set_mappings(const CurrentMappings& mappings);

  // Before the first thread as well: `threads` are the bytes of all.
  Status prepare(std::span<const std::byte> threads, PageStores& stores, const PageTree& memory);

  // What is dead of one thread's stacks, of the process's first thread first; `memory` is the captured one. Of a
  // program that is about to end its own is, as no byte is read any more.
  Status find(const ThreadState& state, PageStores& stores, const PageTree& memory, DeadStack* dead);

  // Gives back what is kept.
  void release(PageStores& stores) { contexts_.release(stores); }

 private:
  Status leave_contexts(const ThreadState& state, PageStores& stores, const PageTree& memory, const AddressRange& whole,
                        AddressRange* dead);

  const TracedProcess& process_;
  Unwinder unwinder_;
  SavedContexts contexts_;
  bool has_guard_ = false;  // since the mappings were set
  const CurrentMappings* mappings_ = nullptr;
  size_t prepared_threads_ = 0;  // so many had their stacks added
  uint64_t readings_ = 0;        // of those mappings, when the unwinder got to know them
};

}  // namespace pagestore

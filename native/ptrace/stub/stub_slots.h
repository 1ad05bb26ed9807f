// Where stubs lie in a process: in the padding behind the kernel's own code page (vDSO), else behind other code.
//
// No page of it is used by the program, and each is private: what is written there is seen by this process alone, and
// by those that it forks. Two slots are taken, so that the one which a thread is in is never the one that is written.
//
// A predecessor that was killed leaves its stubs. A thread may still be in one, and the handler of a signal that came
// there may return to it. So those slots are the last to be used again, and only if no stack refers to them.
//
// It leaves to its caller: that all threads are stopped; to `forget` when the process is another program.
#pragma once

#include <optional>

#include "linux/process_regions.h"
#include "linux/remote_memory.h"
#include "ptrace/stub/stub.h"
#include "ptrace/thread_table.h"

namespace pagestore {

class StubSlots {
 public:
  explicit StubSlots(const RemoteMemory& memory) : memory_(memory) {}

  // Puts back the threads that a predecessor left within its stubs.
  Status free_threads(const RegionList& regions, const ThreadTable& threads) const;
  // Writes into the slot that was not written last.
  Status write(const Stub& stub, const ThreadTable& threads, RemoteAddress* slot);
  // Nothing of ours is left in them. Leaves to its caller: no thread is in one.
  void clear();
  void forget() { are_found_ = false; }

 private:
  struct Slot {
    RemoteAddress address;
    bool is_used;  // by a predecessor
  };
  Status find(const ThreadTable& threads);
  Status add_slots_of(const Region& region, uint64_t image, GrowingArray<Slot>* slots) const;
  uint64_t end_of_image(const Region& region, uint64_t image) const;
  Status choose(const RegionList& regions, const ThreadTable& threads, const GrowingArray<Slot>& slots);

  const RemoteMemory& memory_;
  RemoteAddress slots_[2];
  size_t next_ = 0;
  bool are_found_ = false;
};

}  // namespace pagestore

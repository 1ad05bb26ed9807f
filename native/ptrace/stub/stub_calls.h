// Puts a stopped thread into a stub (stub.h), from where it makes a call for us and comes back by itself should we end.
//
// The orders count. The slot is written whole before the thread is put into it, and it is one that the thread is not
// in; its signals are blocked only once it is in. What it was is then among the data, whatever becomes of us. After the
// call its registers stay those of the stub until somebody writes others (RegisterCache), its blocked signals come
// first.
//
// It leaves to its caller: the thread is stopped, not inside vfork, and its interrupted call is rewound.
#pragma once

#include "ptrace/stub/stub_slots.h"

namespace pagestore {

// Bytes that an argument of a call points to. The call only reads them.
struct ArgumentBytes {
  size_t argument = 0;
  std::span<const std::byte> bytes = {};  // at most kMostArgumentBytes
};

class StubCalls {
 public:
  StubCalls(const ThreadTable& threads, const RemoteMemory& memory) : threads_(threads), slots_(memory) {}

  // The thread is about to make `call`, or has entered it, with all signals blocked.
  Status enter(TracedThread& thread, SystemCall call, const ArgumentBytes& argument);
  // The thread is about to go on as it is, from within the stub. Its signals are for the caller to block.
  Status enter(TracedThread& thread);

  // What a thread calls, behind the one that it makes for us, to put itself back.
  std::array<SystemCall, 3> calls_behind(const SystemCall& call) const;
  // The call was made. A descriptor that it gave is taken back with each later call, until one closes it.
  void note(const SystemCall& call, int64_t result);
  // The process is about to run: whatever is left of ours in it is its own now.
  void forget_given() { given_.reset(); }

  StubSlots& slots() { return slots_; }
  // Nobody is in a slot any more, and nothing of ours is there.
  Status clear();
  void on_exec() {
    slots_.forget();
    given_.reset();
  }

 private:
  bool closes_given(const SystemCall& call) const;
  StubUndo undo_of(const SystemCall& call) const;
  Status write(TracedThread& thread, const StubUndo& undo, const ArgumentBytes& argument, RemoteAddress* slot);
  Status leave(const TracedThread* but);

  const ThreadTable& threads_;
  StubSlots slots_;
  pid_t inside_ = 0;  // the thread whose registers may still be those of a stub
  std::optional<uint64_t> given_;
};

}  // namespace pagestore

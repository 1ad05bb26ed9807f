// The one breakpoint of a traced process: an instruction (int3, brk) in its code, for as long as threads run.
//
// It leaves to its caller: to step over it (step_over.h) before threads run that are stopped at its address,
// and to remove it when they have stopped.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>

#include "linux/remote_memory.h"
#include "ptrace/registers.h"

namespace pagestore {

class Breakpoint {
 public:
  explicit Breakpoint(RemoteMemory& memory) : memory_(memory) {}

  // Leaves to its caller: that none is there.
  Status insert(RemoteAddress address);
  // Nothing to do where none is.
  void remove();
  // From a child that was forked with it, and is stopped.
  void remove_from(pid_t child) const;
  // It ended with the program that it was in.
  void forget() { address_.reset(); }

 private:
  RemoteMemory& memory_;
  std::optional<RemoteAddress> address_;
  std::byte replaced_[Registers::kBreakpoint.size()];
};

}  // namespace pagestore

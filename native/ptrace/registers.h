// General registers of a stopped thread, and the three things that differ from one processor to the next:
// how a system call is made, what a breakpoint is, and how an interrupted call is made again.
//
// Each processor has a header of its own, with the same functions on a struct of its own; all of them are
// compiled and tested everywhere. `Registers` is that of the machine we run on.
#pragma once

#include <cstdint>
#include <span>

#include "ptrace/registers_arm64.h"
#include "ptrace/registers_x86_64.h"

namespace pagestore {

#if defined(__x86_64__)
using Registers = X86Registers;
#elif defined(__aarch64__)
using Registers = Arm64Registers;
#else
#error "no registers for this processor yet: add ptrace/registers_NAME.h"
#endif

// Register `index` is the 64-bit word at `index` of the struct.
template <typename AnyRegisters>
uint64_t& word(AnyRegisters& registers, size_t index) {
  return reinterpret_cast<uint64_t*>(&registers)[index];
}

// Whether a signal or a tracer interrupted the call that the thread is in.
inline bool is_interrupted(const Registers& registers) {
  return registers.is_in_call() && is_restart(registers.result());
}

}  // namespace pagestore

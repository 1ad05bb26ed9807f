// The frame that the kernel puts on a stack for the handler of a signal: what the signal interrupted, and which bytes
// of the frame are left from before.
//
// The kernel does not write all of a frame. Its reserved bytes and padding, and what the processor leaves out where it
// saves its registers, still are what an earlier and deeper frame had put there; and the error code and address of a
// fault are those of the thread's last fault, whichever signal this frame is for. No program reads them.
// What the kernel says of a signal is another matter: it leaves that out for a handler without SA_SIGINFO, which
// nothing in the frame shows, so those bytes never are among them.
#pragma once

#include <array>
#include <cstdint>

#include "linux/memory_reader.h"
#include "linux/unwind/frame_rule.h"
#include "linux/unwind/leftovers.h"
#include "system/address_range.h"

namespace pagestore {

// By DWARF numbers. Where code goes on is apart: the return address has a number of its own on some processors alone.
struct FrameRegisters {
  std::array<uint64_t, kFrameRegisters> values{};
  uint64_t instruction = 0;
};

struct SignalFrame {
  FrameRegisters interrupted;  // those that a frame has
  int signal = 0;              // without SA_SIGINFO any number
  uint64_t blocked = 0;        // the signals that are blocked again when the handler has returned
  bool ended_call = false;   // perhaps one with a mask of its own (sigsuspend): then that is another one than there was
  AddressRange alternate{};  // the alternate stack that there was; empty without one
  Leftovers leftovers;
};

// Whether that is the code which the handler of a signal returns to.
bool is_signal_return(MemoryReader& code, uint64_t address);

// The frame of a handler that has returned to that code, with the stack pointer there. False where it cannot be read.
bool read_signal_frame(uint64_t stack_pointer, MemoryReader& stack, SignalFrame* frame);

}  // namespace pagestore

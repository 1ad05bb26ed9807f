// A call whose entry was reported to the caller. The kernel makes a call again that was interrupted, and a thread that
// was put elsewhere meanwhile comes to its call once more: that is the same call, and its entry is not reported again.
//
// A program that makes the same call from the same place, one after the other, makes a new one each time. So where and
// with what a call is entered proves nothing. What does: that the thread was seen to be just before that call, or in it
// and interrupted, and ran on from there without a handler. A call that is made again after a handler (SA_RESTART) is a
// further one.
//
// Leaves to its caller: to ask `comes_next` whenever the thread is let run, with the registers that it then has.
#pragma once

#include "ptrace/registers.h"

namespace pagestore {

struct ReportedCall {
  int64_t number;
  RemoteAddress instruction, stack;  // of the thread behind the call

  // The call that the thread has entered, or is interrupted in.
  static ReportedCall made(int64_t number, Registers registers) {
    return {number, RemoteAddress(registers.instruction_pointer()), RemoteAddress(registers.stack())};
  }
  // The call that the thread makes with its next instruction.
  static ReportedCall next(Registers registers) {
    const uint64_t behind = registers.instruction_pointer() + Registers::kCall.size();
    return {registers.next_call().number, RemoteAddress(behind), RemoteAddress(registers.stack())};
  }

  // Whether a thread that has entered the call `entered` from here may have made this one.
  bool is_entered_by(int64_t entered, Registers registers) const {
    return is_number(entered) && registers.instruction_pointer() == instruction.value() &&
           registers.stack() == stack.value();
  }
  // Whether the thread does nothing before it makes this call again.
  bool comes_next(Registers registers) const {
    if (registers.stack() != stack.value()) return false;
    const uint64_t here = registers.instruction_pointer();
    if (is_interrupted(registers)) return here == instruction.value() && is_number(registers.call().number);
    return here == instruction.value() - Registers::kCall.size() && is_number(registers.next_call().number);
  }

 private:
  // The kernel goes on with some calls by another one.
  bool is_number(int64_t other) const { return other == number || other == Registers::kRestartCall; }
};

// Whether the kernel may go on with the call that the thread makes again by restart_syscall, so that what stops at the
// call's own number does not see it.
bool may_go_on_unseen(Registers registers);

}  // namespace pagestore

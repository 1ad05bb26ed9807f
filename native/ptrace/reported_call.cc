#include "ptrace/reported_call.h"

#include <sys/syscall.h>

namespace pagestore {

bool may_go_on_unseen(Registers registers) {
  if (is_interrupted(registers)) {
    return registers.result() == kRestartBlock || registers.call().number == Registers::kRestartCall;
  }
  const SystemCall next = registers.next_call();
  if (next.number == Registers::kRestartCall) return true;
  // Elsewhere the kernel has stepped back already, and shows only later by which call it goes on.
  return !Registers::kRestartsLate && (next.number == SYS_nanosleep || next.number == SYS_clock_nanosleep ||
                                       (next.number == SYS_futex && next.arguments[3] != 0));
}

}  // namespace pagestore

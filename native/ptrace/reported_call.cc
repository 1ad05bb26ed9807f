#include "ptrace/reported_call.h"

namespace pagestore {

bool may_go_on_unseen(Registers registers) {
  if (is_interrupted(registers)) {
    return registers.result() == kRestartBlock || registers.call().number == Registers::kRestartCall;
  }
  return registers.next_call().number == Registers::kRestartCall;
}

}  // namespace pagestore

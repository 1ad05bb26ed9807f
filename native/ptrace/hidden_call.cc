#include "ptrace/hidden_call.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>

#include "ptrace/call_instruction.h"

namespace pagestore {

namespace {

int64_t interruption_of_futex(const SystemCall& call) {
  switch (call.arguments[1] & FUTEX_CMD_MASK) {
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET:
      return call.arguments[3] != 0 ? kRestartBlock : kRestartSys;
    case FUTEX_LOCK_PI:
    case FUTEX_LOCK_PI2:
      return kRestartNoIntr;
    default:
      return 0;
  }
}

}  // namespace

int64_t interruption_of(const SystemCall& call) {
  switch (call.number) {
    case SYS_restart_syscall:
    case SYS_nanosleep:
#if defined(SYS_poll)
    case SYS_poll:
#endif
      return kRestartBlock;
    case SYS_clock_nanosleep:
      return (call.arguments[1] & TIMER_ABSTIME) != 0 ? kRestartNoHand : kRestartBlock;
    case SYS_futex:
      return interruption_of_futex(call);
    case SYS_rt_sigsuspend:
    case SYS_ppoll:
    case SYS_pselect6:
    case SYS_msgrcv:
    case SYS_msgsnd:
      return kRestartNoHand;
    case SYS_read:
    case SYS_readv:
    case SYS_write:
    case SYS_writev:
    case SYS_recvfrom:
    case SYS_recvmsg:
    case SYS_recvmmsg:
    case SYS_sendto:
    case SYS_sendmsg:
    case SYS_sendmmsg:
    case SYS_sendfile:
    case SYS_splice:
    case SYS_tee:
    case SYS_vmsplice:
    case SYS_accept:
    case SYS_accept4:
    case SYS_connect:
    case SYS_openat:
    case SYS_flock:
    case SYS_fcntl:
    case SYS_ioctl:
    case SYS_wait4:
    case SYS_waitid:
    case SYS_mq_timedreceive:
    case SYS_mq_timedsend:
    case SYS_getrandom:
      return kRestartSys;
    default:
      return 0;
  }
}

void reveal_call(TracedThread& thread, const RemoteMemory& memory) {
  Registers* registers;
  if (!Registers::kHidesCalls || thread.has_shown_call() || thread.stops_at_calls()) return;
  if (!thread.get_registers(&registers).is_ok()) return;
  if (registers->is_in_call() || registers->runs_32_bit_code()) return;
  const SystemCall next = registers->next_call();
  const auto& sleep = thread.sleep().call;
  const uint64_t here = registers->instruction_pointer(), behind = here + Registers::kCall.size();
  const bool is_seen = sleep && sleep->number == next.number && sleep->instruction.value() == behind &&
                       sleep->stack.value() == registers->stack();
  int64_t result = interruption_of(next);
  if (result == 0 && is_seen) result = kRestartSys;
  if (result == 0 || (!is_seen && !is_call_instruction(memory, here))) return;
  thread.show_call(next.number, result);
}

}  // namespace pagestore

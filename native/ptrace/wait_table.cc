#include "ptrace/wait_table.h"

#include <linux/futex.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>

namespace pagestore {

namespace {

using Form = LimitForm;

// As the kernel numbers them on every processor; older headers lack them.
constexpr int64_t kRingEnter = 426, kEpollPwait2 = 441, kFutexWaitv = 449, kFutexWait = 455;

// Older forms, which arm64 has not.
#if defined(__x86_64__)
constexpr int64_t kEpollWait = SYS_epoll_wait, kPoll = SYS_poll, kSelect = SYS_select;
#else
constexpr int64_t kEpollWait = -1, kPoll = -1, kSelect = -1;
#endif

struct Row {
  int64_t number;
  WaitKind kind;
};

constexpr WaitKind duration(Form form, uint8_t argument, int16_t result = 0) {
  return {form, argument, false, false, false, result, CLOCK_MONOTONIC};
}
constexpr WaitKind with_rest(Form form, uint8_t argument) {
  return {form, argument, false, false, true, 0, CLOCK_MONOTONIC};
}
constexpr WaitKind moment(uint8_t argument, clockid_t clock) {
  return {Form::time, argument, true, false, false, -ETIMEDOUT, clock};
}
constexpr WaitKind sleep(uint8_t argument) {
  return {Form::time, argument, false, true, false, 0, CLOCK_MONOTONIC};
}

// Where other arguments decide (futex, clock_nanosleep, …), the most common kind; see `wait_kind_of`.
constexpr std::array kWaits = {
    Row{kPoll, duration(Form::milliseconds, 2)},
    Row{kEpollWait, duration(Form::milliseconds, 3)},
    Row{kSelect, with_rest(Form::timeval, 4)},
    Row{SYS_epoll_pwait, duration(Form::milliseconds, 3)},
    Row{kEpollPwait2, duration(Form::time, 3)},
    Row{SYS_ppoll, with_rest(Form::time, 2)},
    Row{SYS_pselect6, with_rest(Form::time, 4)},
    Row{SYS_nanosleep, sleep(0)},
    Row{SYS_clock_nanosleep, sleep(2)},
    Row{SYS_futex, duration(Form::time, 3, -ETIMEDOUT)},
    Row{kFutexWaitv, moment(3, CLOCK_MONOTONIC)},
    Row{kFutexWait, moment(4, CLOCK_MONOTONIC)},
    Row{SYS_mq_timedsend, moment(4, CLOCK_REALTIME)},
    Row{SYS_mq_timedreceive, moment(4, CLOCK_REALTIME)},
    Row{SYS_rt_sigtimedwait, duration(Form::time, 2, -EAGAIN)},
    Row{SYS_semtimedop, duration(Form::time, 3, -EAGAIN)},
    Row{SYS_io_getevents, duration(Form::time, 4)},
    Row{SYS_io_pgetevents, duration(Form::time, 4)},
    Row{kRingEnter, duration(Form::ring, 4, -ETIME)},
    Row{SYS_read, duration(Form::received, 0, -EAGAIN)},
    Row{SYS_readv, duration(Form::received, 0, -EAGAIN)},
    Row{SYS_recvfrom, duration(Form::received, 0, -EAGAIN)},
    Row{SYS_recvmsg, duration(Form::received, 0, -EAGAIN)},
    Row{SYS_recvmmsg, duration(Form::received, 0, -EAGAIN)},
    Row{SYS_accept, duration(Form::received, 0, -EAGAIN)},
    Row{SYS_accept4, duration(Form::received, 0, -EAGAIN)},
    Row{SYS_write, duration(Form::sent, 0, -EAGAIN)},
    Row{SYS_writev, duration(Form::sent, 0, -EAGAIN)},
    Row{SYS_sendto, duration(Form::sent, 0, -EAGAIN)},
    Row{SYS_sendmsg, duration(Form::sent, 0, -EAGAIN)},
    Row{SYS_sendmmsg, duration(Form::sent, 0, -EAGAIN)},
    Row{SYS_connect, duration(Form::sent, 0, -EAGAIN)},
};

const WaitKind* find(int64_t number) {
  for (const Row& row : kWaits) {
    if (row.number == number) return &row.kind;
  }
  return nullptr;
}

std::optional<WaitKind> kind_of_futex(const SystemCall& call) {
  constexpr int kLockPi2 = 13;
  const uint64_t operation = call.arguments[1];
  const clockid_t clock = (operation & FUTEX_CLOCK_REALTIME) != 0 ? CLOCK_REALTIME : CLOCK_MONOTONIC;
  switch (static_cast<int>(operation) & FUTEX_CMD_MASK) {
    case FUTEX_WAIT:
      return duration(Form::time, 3, -ETIMEDOUT);
    case FUTEX_LOCK_PI:
      return moment(3, CLOCK_REALTIME);
    case FUTEX_WAIT_BITSET:
    case FUTEX_WAIT_REQUEUE_PI:
    case kLockPi2:
      return moment(3, clock);
    default:
      return {};
  }
}

// Sleeps on other clocks are refused by the kernel, or take what we do not know.
std::optional<WaitKind> kind_of_sleep(const SystemCall& call) {
  const auto clock = static_cast<clockid_t>(call.arguments[0]);
  if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME && clock != CLOCK_TAI) return {};
  WaitKind kind = sleep(2);
  kind.is_moment = (call.arguments[1] & TIMER_ABSTIME) != 0;
  kind.clock = clock;
  return kind;
}

}  // namespace

bool can_have_limit(int64_t number) {
  return find(number) != nullptr;
}

std::optional<WaitKind> wait_kind_of(const SystemCall& call) {
  const WaitKind* found = find(call.number);
  if (found == nullptr) return {};
  if (call.number == SYS_futex) return kind_of_futex(call);
  if (call.number == SYS_clock_nanosleep) return kind_of_sleep(call);
  WaitKind kind = *found;
  if (call.number == kFutexWaitv) kind.clock = static_cast<clockid_t>(call.arguments[4]);
  if (call.number == kFutexWait) kind.clock = static_cast<clockid_t>(call.arguments[5]);
  return kind;
}

void add_waits(SystemCallSet* calls) {
  for (const Row& row : kWaits) {
    if (row.number >= 0 && is_time(row.kind.form)) calls->set(static_cast<size_t>(row.number));
  }
}

}  // namespace pagestore

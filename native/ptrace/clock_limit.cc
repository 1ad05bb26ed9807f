#include "ptrace/clock_limit.h"

#include <linux/futex.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>

#include "linux/user_memory.h"

namespace pagestore {

namespace {

using Form = ClockLimit::Form;

// As the kernel numbers them on every processor; older headers lack them.
constexpr int64_t kEpollPwait2 = 441, kFutexWaitv = 449, kFutexWait = 455;

// Calls whose limit is always in the same argument and form.
constexpr struct {
  int64_t number;
  Form form;
  uint8_t argument;
  bool is_sleep = false, gets_rest = false;
  clockid_t clock = CLOCK_MONOTONIC;
} kWaits[] = {
#if defined(SYS_poll)
    {SYS_poll, Form::milliseconds, 2},
    {SYS_epoll_wait, Form::milliseconds, 3},
    {SYS_select, Form::short_duration, 4, false, true},
#endif
    {SYS_epoll_pwait, Form::milliseconds, 3},
    {kEpollPwait2, Form::duration, 3},
    {SYS_ppoll, Form::duration, 2, false, true},
    {SYS_pselect6, Form::duration, 4, false, true},
    {SYS_rt_sigtimedwait, Form::duration, 2},
    {SYS_semtimedop, Form::duration, 3},
    {SYS_io_getevents, Form::duration, 4},
    {SYS_io_pgetevents, Form::duration, 4},
    {SYS_nanosleep, Form::duration, 0, true},
    {SYS_mq_timedsend, Form::deadline, 4, false, false, CLOCK_REALTIME},
    {SYS_mq_timedreceive, Form::deadline, 4, false, false, CLOCK_REALTIME},
};

// The others.
constexpr int64_t kOtherWaits[] = {SYS_clock_nanosleep, SYS_futex, kFutexWaitv, kFutexWait};

std::optional<ClockLimit> limit_of_futex(const SystemCall& call) {
  const uint64_t operation = call.arguments[1];
  ClockLimit limit{Form::deadline, 3, false, false, CLOCK_MONOTONIC, 0};
  if ((operation & FUTEX_CLOCK_REALTIME) != 0) limit.clock = CLOCK_REALTIME;
  constexpr int kLockPi2 = 13;
  switch (static_cast<int>(operation) & FUTEX_CMD_MASK) {
    case FUTEX_WAIT:
      limit.form = Form::duration;
      return limit;
    case FUTEX_LOCK_PI:
      limit.clock = CLOCK_REALTIME;
      return limit;
    case FUTEX_WAIT_BITSET:
    case FUTEX_WAIT_REQUEUE_PI:
    case kLockPi2:
      return limit;
    default:
      return {};
  }
}

// Sleeps on other clocks are refused by the kernel, or take what we do not know.
std::optional<ClockLimit> limit_of_sleep(const SystemCall& call) {
  const auto clock = static_cast<clockid_t>(call.arguments[0]);
  if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME && clock != CLOCK_TAI) return {};
  const bool is_deadline = (call.arguments[1] & TIMER_ABSTIME) != 0;
  return ClockLimit{is_deadline ? Form::deadline : Form::duration, 2, true, false, clock, 0};
}

std::optional<ClockLimit> argument_of_limit(const SystemCall& call) {
  const auto deadline = [&](uint8_t argument, uint64_t clock) {
    return ClockLimit{Form::deadline, argument, false, false, static_cast<clockid_t>(clock), 0};
  };
  switch (call.number) {
    case SYS_futex:
      return limit_of_futex(call);
    case SYS_clock_nanosleep:
      return limit_of_sleep(call);
    case kFutexWaitv:
      return deadline(3, call.arguments[4]);
    case kFutexWait:
      return deadline(4, call.arguments[5]);
    default:
      break;
  }
  for (const auto& wait : kWaits) {
    if (wait.number != call.number) continue;
    return ClockLimit{wait.form, wait.argument, wait.is_sleep, wait.gets_rest, wait.clock, 0};
  }
  return {};
}

// Nanoseconds; nothing where the kernel refuses it.
std::optional<int64_t> nanoseconds(int64_t seconds, int64_t rest) {
  if (seconds < 0 || rest < 0 || rest >= KeptClock::kSecond) return {};
  if (seconds >= KeptClock::kNever / KeptClock::kSecond) return KeptClock::kNever;
  return seconds * KeptClock::kSecond + rest;
}

std::optional<int64_t> read_time(pid_t thread, Form form, uint64_t argument) {
  constexpr int64_t kMicroseconds = 1'000'000, kMillisecond = 1'000'000;
  if (form == Form::milliseconds) {
    const auto milliseconds = static_cast<int32_t>(argument);
    return milliseconds < 0 ? std::nullopt : std::optional(milliseconds * kMillisecond);
  }
  int64_t time[2];
  if (argument == 0 || !read_as_user(thread, RemoteAddress(argument), time, sizeof(time))) return {};
  if (form != Form::short_duration) return nanoseconds(time[0], time[1]);
  int64_t seconds;
  if (__builtin_add_overflow(time[0], time[1] / kMicroseconds, &seconds)) return {};
  return nanoseconds(seconds, time[1] % kMicroseconds * 1000);
}

bool fails_at_once(pid_t thread, const SystemCall& call) {
  constexpr size_t kMost = 500;
  sembuf operations[kMost];
  const size_t count = std::min<uint64_t>(call.arguments[2], kMost);
  if (!read_as_user(thread, RemoteAddress(call.arguments[1]), operations, count * sizeof(sembuf))) return true;
  return std::any_of(operations, operations + count,
                     [](const sembuf& each) { return (each.sem_flg & IPC_NOWAIT) != 0; });
}

}  // namespace

void add_waits(SystemCallSet* calls) {
  for (const auto& wait : kWaits) calls->set(static_cast<size_t>(wait.number));
  for (const int64_t number : kOtherWaits) calls->set(static_cast<size_t>(number));
}

std::optional<ClockLimit> find_clock_limit(pid_t thread, const KeptClock& clock, const SystemCall& call) {
  std::optional<ClockLimit> limit = argument_of_limit(call);
  if (!limit) return {};
  const std::optional<int64_t> time = read_time(thread, limit->form, call.arguments[limit->argument]);
  if (!time) return {};
  if (limit->form == Form::deadline) {
    const std::optional<int64_t> now = clock.read(limit->clock);
    if (!now) return {};
    limit->end = *time == KeptClock::kNever ? *time : std::max(*time - *now + clock.elapsed(), clock.elapsed());
  } else {
    limit->end = *time > KeptClock::kNever - clock.elapsed() ? KeptClock::kNever : clock.elapsed() + *time;
  }
  return limit;
}

bool has_expired(pid_t thread, const SystemCall& call, int64_t result) {
  switch (call.number) {
    case SYS_futex:
    case kFutexWaitv:
    case kFutexWait:
    case SYS_mq_timedsend:
    case SYS_mq_timedreceive:
      return result == -ETIMEDOUT;
    case SYS_rt_sigtimedwait:
      return result == -EAGAIN;
    case SYS_semtimedop:
      return result == -EAGAIN && !fails_at_once(thread, call);
    case SYS_io_getevents:
    case SYS_io_pgetevents:
      return result >= 0 && result < static_cast<int64_t>(call.arguments[1]);
    default:
      return result == 0;
  }
}

}  // namespace pagestore

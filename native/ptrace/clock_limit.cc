#include "ptrace/clock_limit.h"

#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/syscall.h>

#include <algorithm>

#include "linux/user_memory.h"

namespace pagestore {

namespace {

using Form = LimitForm;

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
  if (form != Form::timeval) return nanoseconds(time[0], time[1]);
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

std::optional<ClockLimit> find_clock_limit(pid_t thread, const KeptClock& clock, const SystemCall& call) {
  const std::optional<WaitKind> kind = wait_kind_of(call);
  if (!kind || !is_time(kind->form)) return {};
  const std::optional<int64_t> time = read_time(thread, kind->form, call.arguments[kind->argument]);
  if (!time) return {};
  ClockLimit limit{*kind, KeptClock::kNever};
  if (kind->is_moment) {
    const std::optional<int64_t> now = clock.read(kind->clock);
    if (!now) return {};
    if (*time != KeptClock::kNever) limit.end = std::max(*time - *now + clock.elapsed(), clock.elapsed());
  } else if (*time <= KeptClock::kNever - clock.elapsed()) {
    limit.end = clock.elapsed() + *time;
  }
  return limit;
}

bool has_expired(pid_t thread, const SystemCall& call, int64_t result) {
  const std::optional<WaitKind> kind = wait_kind_of(call);
  if (!kind) return false;
  switch (call.number) {
    case SYS_semtimedop:
      return result == kind->result && !fails_at_once(thread, call);
    case SYS_io_getevents:
    case SYS_io_pgetevents:
      return result >= 0 && result < static_cast<int64_t>(call.arguments[1]);
    default:
      return result == kind->result;
  }
}

}  // namespace pagestore

#include "ptrace/alarm_calls.h"

#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>

#include "linux/user_memory.h"
#include "system/monotonic_clock.h"

namespace pagestore {

namespace {

constexpr int64_t kMicrosecond = 1000;

// What a signal has that `send_alarm` sent, and no other.
constexpr int kSenderValue = 0x616c726d;

timeval in_microseconds(int64_t time) {
  return {time / KeptClock::kSecond, time % KeptClock::kSecond / kMicrosecond};
}

// Nothing where the kernel refuses it.
std::optional<int64_t> nanoseconds(const timeval& time) {
  constexpr int64_t kMicroseconds = 1'000'000, kMostSeconds = KeptClock::kNever / KeptClock::kSecond / 2;
  if (time.tv_sec < 0 || time.tv_usec < 0 || time.tv_usec >= kMicroseconds) return {};
  return std::min<int64_t>(time.tv_sec, kMostSeconds) * KeptClock::kSecond + time.tv_usec * kMicrosecond;
}

// A timer that is set has never nothing left.
int64_t time_left(const KeptClock& clock) {
  return clock.alarm().is_set() ? std::max(clock.alarm().end - clock.elapsed(), kMicrosecond) : 0;
}

void set(int64_t left, int64_t interval, KeptClock* clock) {
  const KeptAlarm alarm = left == 0 ? KeptAlarm{} : KeptAlarm{clock->elapsed() + left, interval};
  clock->set_alarm(alarm, monotonic_nanoseconds());
}

#if defined(SYS_alarm)
// What was left in seconds, rounded as the kernel does.
int64_t answer_alarm(const SystemCall& call, KeptClock* clock) {
  const int64_t left = time_left(*clock), rest = left % KeptClock::kSecond;
  const bool is_up = rest >= KeptClock::kSecond / 2 || (left < KeptClock::kSecond && rest > 0);
  set(static_cast<int64_t>(static_cast<uint32_t>(call.arguments[0])) * KeptClock::kSecond, 0, clock);
  return left / KeptClock::kSecond + (is_up ? 1 : 0);
}
#endif

std::optional<int64_t> answer_itimer(pid_t thread, const SystemCall& call, KeptClock* clock) {
  const auto& [which, first, second, a, b, c] = call.arguments;
  if (static_cast<int>(which) != ITIMER_REAL) return {};
  const bool sets = call.number == SYS_setitimer;
  itimerval wanted{};
  if (sets && first != 0 && !read_as_user(thread, RemoteAddress(first), &wanted, sizeof(wanted))) return {};
  const auto left = nanoseconds(wanted.it_value), interval = nanoseconds(wanted.it_interval);
  if (!left || !interval) return {};
  const itimerval before{in_microseconds(clock->alarm().interval), in_microseconds(time_left(*clock))};
  if (sets) set(*left, *interval, clock);
  const uint64_t to = sets ? second : first;
  if (to == 0) return sets ? 0 : -EFAULT;
  return write_as_user(thread, RemoteAddress(to), &before, sizeof(before)) ? 0 : -EFAULT;
}

}  // namespace

void add_alarm_calls(SystemCallSet* calls) {
#if defined(SYS_alarm)
  calls->set(SYS_alarm);
#endif
  calls->set(SYS_setitimer);
  calls->set(SYS_getitimer);
}

std::optional<int64_t> answer_alarm_call(pid_t thread, const SystemCall& call, KeptClock* clock) {
#if defined(SYS_alarm)
  if (call.number == SYS_alarm) return answer_alarm(call, clock);
#endif
  if (call.number == SYS_setitimer || call.number == SYS_getitimer) return answer_itimer(thread, call, clock);
  return {};
}

void send_alarm(pid_t process) {
  siginfo_t info{};
  info.si_signo = SIGALRM;
  info.si_code = SI_QUEUE;
  info.si_value.sival_int = kSenderValue;
  syscall(SYS_rt_sigqueueinfo, process, SIGALRM, &info);
}

std::optional<siginfo_t> expired_alarm(const siginfo_t& sent) {
  if (sent.si_signo != SIGALRM || sent.si_code != SI_QUEUE || sent.si_pid != 0) return {};
  if (sent.si_value.sival_int != kSenderValue) return {};
  siginfo_t info{};
  info.si_signo = SIGALRM;
  info.si_code = SI_KERNEL;
  return info;
}

}  // namespace pagestore

#include "ptrace/wait_limits.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>

#include <array>
#include <cerrno>

#include "linux/remote_socket.h"

namespace pagestore {

namespace {

// Calls that some headers lack; they have the same number everywhere.
constexpr int64_t kEpollWait2 = 441, kRingEnter = 426;

// Older forms, which arm64 has not.
#if defined(__x86_64__)
constexpr int64_t kEpollWait = SYS_epoll_wait, kPoll = SYS_poll, kSelect = SYS_select;
#else
constexpr int64_t kEpollWait = -1, kPoll = -1, kSelect = -1;
#endif

struct Limited {
  int64_t number;
  LimitForm form;
  size_t argument;
  int64_t result;
};

constexpr std::array kLimited = {
    Limited{kEpollWait, LimitForm::milliseconds, 3, 0},
    Limited{kPoll, LimitForm::milliseconds, 2, 0},
    Limited{kSelect, LimitForm::timeval, 4, 0},
    Limited{SYS_epoll_pwait, LimitForm::milliseconds, 3, 0},
    Limited{kEpollWait2, LimitForm::time, 3, 0},
    Limited{SYS_ppoll, LimitForm::time, 2, 0},
    Limited{SYS_pselect6, LimitForm::time, 4, 0},
    Limited{SYS_nanosleep, LimitForm::time, 0, 0},
    Limited{SYS_clock_nanosleep, LimitForm::time, 2, 0},
    Limited{SYS_futex, LimitForm::time, 3, -ETIMEDOUT},
    Limited{SYS_rt_sigtimedwait, LimitForm::time, 2, -EAGAIN},
    Limited{SYS_semtimedop, LimitForm::time, 3, -EAGAIN},
    Limited{SYS_io_getevents, LimitForm::time, 4, 0},
    Limited{SYS_io_pgetevents, LimitForm::time, 4, 0},
    Limited{kRingEnter, LimitForm::ring, 4, -ETIME},
    Limited{SYS_read, LimitForm::received, 0, -EAGAIN},
    Limited{SYS_readv, LimitForm::received, 0, -EAGAIN},
    Limited{SYS_recvfrom, LimitForm::received, 0, -EAGAIN},
    Limited{SYS_recvmsg, LimitForm::received, 0, -EAGAIN},
    Limited{SYS_recvmmsg, LimitForm::received, 0, -EAGAIN},
    Limited{SYS_accept, LimitForm::received, 0, -EAGAIN},
    Limited{SYS_accept4, LimitForm::received, 0, -EAGAIN},
    Limited{SYS_write, LimitForm::sent, 0, -EAGAIN},
    Limited{SYS_writev, LimitForm::sent, 0, -EAGAIN},
    Limited{SYS_sendto, LimitForm::sent, 0, -EAGAIN},
    Limited{SYS_sendmsg, LimitForm::sent, 0, -EAGAIN},
    Limited{SYS_sendmmsg, LimitForm::sent, 0, -EAGAIN},
    Limited{SYS_connect, LimitForm::sent, 0, -EAGAIN},
};

const Limited* find(int64_t number) {
  for (const Limited& each : kLimited) {
    if (each.number == number) return &each;
  }
  return nullptr;
}

// Whether the argument is a moment, or a time of another clock than the one that all clocks run with.
bool is_moment(const SystemCall& call) {
  const auto& arguments = call.arguments;
  if (call.number == SYS_futex) {
    return (arguments[1] & static_cast<uint64_t>(FUTEX_CMD_MASK)) != FUTEX_WAIT;
  }
  if (call.number != SYS_clock_nanosleep) return false;
  const auto clock = static_cast<clockid_t>(arguments[0]);
  const bool is_common =
      clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME || clock == CLOCK_TAI;
  return !is_common || (arguments[1] & TIMER_ABSTIME) != 0;
}

// The address of the time that io_uring_enter waits at most; null if there is none.
RemoteAddress find_ring_time(const RemoteMemory& memory, const SystemCall& call) {
  constexpr uint64_t kHasStruct = 8, kIsMoment = 32, kIsRegistered = 64;
  struct {
    uint64_t signals;
    uint32_t signals_bytes, least_time;
    uint64_t time;
  } wait{};
  const uint64_t flags = call.arguments[3], address = call.arguments[4], bytes = call.arguments[5];
  if ((flags & (kHasStruct | kIsMoment | kIsRegistered)) != kHasStruct || bytes != sizeof(wait)) return {};
  if (!memory.read(RemoteAddress(address), &wait, sizeof(wait)).is_ok()) return {};
  return RemoteAddress(wait.time);
}

// `fraction`: how many nanoseconds there are in what the second word counts.
std::optional<int64_t> read_time(const RemoteMemory& memory, RemoteAddress address, int64_t fraction) {
  constexpr int64_t kMostSeconds = 1'000'000'000, kSecond = 1'000'000'000;
  int64_t words[2];
  if (address.is_null() || !memory.read(address, words, sizeof(words)).is_ok()) return {};
  const auto [seconds, rest] = words;
  if (seconds < 0 || seconds > kMostSeconds || rest < 0 || rest > kSecond / fraction) return {};
  return seconds * kSecond + rest * fraction;
}

}  // namespace

bool can_have_limit(int64_t number) {
  return find(number) != nullptr;
}

std::optional<WaitLimit> find_wait_limit(pid_t pid, const RemoteMemory& memory, const SystemCall& call) {
  const Limited* limited = find(call.number);
  if (limited == nullptr || is_moment(call)) return {};
  const uint64_t argument = call.arguments[limited->argument];
  WaitLimit limit{limited->form, limited->argument, 0, limited->result};
  std::optional<int64_t> time;
  switch (limited->form) {
    case LimitForm::milliseconds:
      if (const auto count = static_cast<int32_t>(argument); count >= 0) time = int64_t{count} * 1'000'000;
      break;
    case LimitForm::time:
      time = read_time(memory, RemoteAddress(argument), 1);
      break;
    case LimitForm::timeval:
      time = read_time(memory, RemoteAddress(argument), 1'000);
      break;
    case LimitForm::ring:
      time = read_time(memory, find_ring_time(memory, call), 1);
      break;
    case LimitForm::received:
    case LimitForm::sent: {
      const SocketUse use = limited->form == LimitForm::received ? SocketUse::receive : SocketUse::send;
      const auto found = read_socket_limit(pid, static_cast<int>(argument), use);
      if (!found) break;
      time = found->nanoseconds;
      if (call.number == SYS_connect && found->is_internet) limit.result = -EINPROGRESS;
      break;
    }
  }
  if (!time) return {};
  limit.nanoseconds = *time;
  return limit;
}

}  // namespace pagestore

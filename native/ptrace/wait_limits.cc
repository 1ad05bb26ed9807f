#include "ptrace/wait_limits.h"

#include <sys/syscall.h>

#include <cerrno>

#include "linux/remote_socket.h"

namespace pagestore {

namespace {

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

std::optional<WaitLimit> find_wait_limit(pid_t pid, const RemoteMemory& memory, const SystemCall& call) {
  const std::optional<WaitKind> kind = wait_kind_of(call);
  if (!kind || kind->is_moment) return {};
  const uint64_t argument = call.arguments[kind->argument];
  WaitLimit limit{kind->form, kind->argument, 0, kind->result};
  std::optional<int64_t> time;
  switch (kind->form) {
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
      const SocketUse use = kind->form == LimitForm::received ? SocketUse::receive : SocketUse::send;
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

#include "ptrace/clock_reads.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/times.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "linux/thread_status.h"
#include "linux/user_memory.h"

namespace pagestore {

namespace {

constexpr int64_t kMicrosecond = 1000;

constexpr int64_t kReads[] = {
    SYS_clock_gettime, SYS_gettimeofday, SYS_times, SYS_getrusage, SYS_sysinfo,
#if defined(SYS_time)
    SYS_time,
#endif
};

template <typename T>
bool put(const ClockReader& reader, uint64_t address, const T& value) {
  return write_as_user(reader.thread, RemoteAddress(address), &value, sizeof(value));
}

timeval in_microseconds(int64_t time) {
  return {time / KeptClock::kSecond, time % KeptClock::kSecond / kMicrosecond};
}

// A clock of the time that a process or a thread has used has a number made of theirs, below zero.
bool is_own_used_time(const ClockReader& reader, clockid_t id) {
  constexpr clockid_t kOfThread = 4, kKind = 3;
  if (id >= 0 || (id & kKind) == kKind) return false;
  const pid_t owner = ~(id >> 3);
  if (owner == 0) return true;
  return (id & kOfThread) != 0 ? is_thread_of(reader.process, owner) : owner == reader.process;
}

std::optional<int64_t> answer_gettime(const ClockReader& reader, const SystemCall& call) {
  const auto id = static_cast<clockid_t>(call.arguments[0]);
  const std::optional<int64_t> time =
      is_own_used_time(reader, id) ? std::optional(reader.clock.used()) : reader.clock.read(id);
  if (!time) return {};
  return put(reader, call.arguments[1], timespec{*time / KeptClock::kSecond, *time % KeptClock::kSecond}) ? 0 : -EFAULT;
}

int64_t answer_gettimeofday(const ClockReader& reader, const SystemCall& call) {
  const auto& [time, zone, a, b, c, d] = call.arguments;
  if (time != 0 && !put(reader, time, in_microseconds(reader.clock.calendar()))) return -EFAULT;
  const std::array<int32_t, 2> none{};
  return zone == 0 || put(reader, zone, none) ? 0 : -EFAULT;
}

#if defined(SYS_time)
int64_t answer_time(const ClockReader& reader, const SystemCall& call) {
  const time_t seconds = reader.clock.calendar() / KeptClock::kSecond;
  const uint64_t address = call.arguments[0];
  return address == 0 || put(reader, address, seconds) ? seconds : -EFAULT;
}
#endif

int64_t answer_times(const ClockReader& reader, const SystemCall& call) {
  const int64_t tick = KeptClock::kSecond / sysconf(_SC_CLK_TCK);
  struct tms used {};
  used.tms_utime = reader.clock.used() / tick;
  const uint64_t address = call.arguments[0];
  return address == 0 || put(reader, address, used) ? reader.clock.since_system_start() / tick : -EFAULT;
}

// What else the kernel counts (memory, page faults, switches) differs from run to run, too, and with how we look at it.
std::optional<int64_t> answer_getrusage(const ClockReader& reader, const SystemCall& call) {
  const auto who = static_cast<int>(call.arguments[0]);
  if (who != RUSAGE_SELF && who != RUSAGE_THREAD) return {};
  rusage used{};
  used.ru_utime = in_microseconds(reader.clock.used());
  return put(reader, call.arguments[1], used) ? 0 : -EFAULT;
}

// How much memory there is the system says; what of it is free, and means over time, are left out, as they are others
// each time.
std::optional<int64_t> answer_sysinfo(const ClockReader& reader, const SystemCall& call) {
  struct sysinfo system {};
  if (sysinfo(&system) != 0) return {};
  system.uptime = reader.clock.since_system_start() / KeptClock::kSecond;
  for (auto& load : system.loads) load = 0;
  system.freeram = system.totalram;
  system.freeswap = system.totalswap;
  system.freehigh = system.totalhigh;
  system.sharedram = system.bufferram = 0;
  system.procs = 1;
  return put(reader, call.arguments[0], system) ? 0 : -EFAULT;
}

}  // namespace

void add_clock_reads(SystemCallSet* calls) {
  for (const int64_t number : kReads) calls->set(static_cast<size_t>(number));
}

std::optional<int64_t> answer_clock_read(const ClockReader& reader, const SystemCall& call) {
  switch (call.number) {
    case SYS_clock_gettime:
      return answer_gettime(reader, call);
    case SYS_gettimeofday:
      return answer_gettimeofday(reader, call);
#if defined(SYS_time)
    case SYS_time:
      return answer_time(reader, call);
#endif
    case SYS_times:
      return answer_times(reader, call);
    case SYS_getrusage:
      return answer_getrusage(reader, call);
    case SYS_sysinfo:
      return answer_sysinfo(reader, call);
    default:
      return {};
  }
}

}  // namespace pagestore

// In which system call a thread sleeps, and for how long it has, as /proc/PID/task/TID shows.
//
// The kernel notes when a thread ran last, by a clock of the processor that it ran on, and counts how long it ran and
// how often it fell asleep. Two readings of the same thread, one while it sleeps and one when it has just been woken
// and stopped, give the time that it slept between them: never more, and some microseconds less. Where the thread
// moved to another processor, whose clock is another, or ran in between, there is no answer; nor where the kernel
// shows nothing (before Linux 6.15 that takes CONFIG_SCHED_DEBUG, which distributions have).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "linux/remote_address.h"

namespace pagestore {

// The call that a thread sleeps in.
struct SleepingCall {
  int64_t number = -1;
  uint64_t first_argument = 0;
  RemoteAddress stack, instruction;  // the instruction is the one after the call
};
// None if the thread runs, or sleeps elsewhere.
std::optional<SleepingCall> read_sleeping_call(pid_t pid, pid_t thread);

struct ScheduleReading {
  int64_t last_ran = 0, ran = 0;  // nanoseconds: of its processor's clock; in all
  uint64_t moves = 0, sleeps = 0;
};
std::optional<ScheduleReading> read_schedule(pid_t pid, pid_t thread);

// Nanoseconds between two readings of one thread. Leaves to its caller: it was asleep at the first, and is stopped at
// the second.
std::optional<int64_t> time_asleep(const ScheduleReading& asleep, const ScheduleReading& stopped);

}  // namespace pagestore

#include "linux/thread_sleep.h"

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "linux/proc_file.h"

namespace pagestore {

namespace {

// A line of /proc/PID/task/TID/sched: a name, blanks, a colon and a number. Null if there is none.
const char* value_of(const char* text, const char* name) {
  const char* line = strstr(text, name);
  const char* colon = line != nullptr ? strchr(line, ':') : nullptr;
  return colon != nullptr ? colon + 1 : nullptr;
}

// Milliseconds with six digits behind the point.
bool read_time(const char* text, const char* name, int64_t* nanoseconds) {
  int64_t milliseconds, rest;
  const char* value = value_of(text, name);
  if (value == nullptr || sscanf(value, "%" SCNd64 ".%6" SCNd64, &milliseconds, &rest) != 2) return false;
  *nanoseconds = milliseconds * 1'000'000 + rest;
  return true;
}

bool read_count(const char* text, const char* name, uint64_t* count) {
  const char* value = value_of(text, name);
  return value != nullptr && sscanf(value, "%" SCNu64, count) == 1;
}

}  // namespace

std::optional<SleepingCall> read_sleeping_call(pid_t pid, pid_t thread) {
  char text[256];
  if (!read_proc_start({pid, thread}, "/proc/PID/task/TID/syscall", text).is_ok()) return {};
  SleepingCall call;
  uint64_t stack, instruction;
  // The other five arguments are between.
  const int found = sscanf(text, "%" SCNd64 " %" SCNx64 " %*x %*x %*x %*x %*x %" SCNx64 " %" SCNx64, &call.number,
                           &call.first_argument, &stack, &instruction);
  if (found != 4 || call.number < 0) return {};
  call.stack = RemoteAddress(stack);
  call.instruction = RemoteAddress(instruction);
  return call;
}

std::optional<ScheduleReading> read_schedule(pid_t pid, pid_t thread) {
  char text[1536];
  if (!read_proc_start({pid, thread}, "/proc/PID/task/TID/sched", text).is_ok()) return {};
  // The thread's name is in the first line, and may look like any of the others; but it is shorter than this.
  const char* lines = strstr(text, "\n--------------------");
  if (lines == nullptr) return {};
  ScheduleReading reading;
  const bool is_complete =
      read_time(lines, "se.exec_start", &reading.last_ran) && read_time(lines, "se.sum_exec_runtime", &reading.ran) &&
      read_count(lines, "nr_migrations", &reading.moves) && read_count(lines, "nr_voluntary_switches", &reading.sleeps);
  return is_complete ? std::optional(reading) : std::nullopt;
}

std::optional<int64_t> time_asleep(const ScheduleReading& asleep, const ScheduleReading& stopped) {
  // To stop is to fall asleep once more.
  if (stopped.moves != asleep.moves || stopped.sleeps != asleep.sleeps + 1) return {};
  const int64_t slept = stopped.last_ran - asleep.last_ran - (stopped.ran - asleep.ran);
  return slept >= 0 ? std::optional(slept) : std::nullopt;
}

}  // namespace pagestore

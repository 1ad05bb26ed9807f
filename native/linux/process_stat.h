// What /proc/PID/stat says of a process, and /proc/PID/task/TID/stat of a thread, as they were at that moment.
#pragma once

#include <cstdint>

#include "linux/proc_file.h"

namespace pagestore {

class ProcessStat {
 public:
  static constexpr const char* kProcess = "/proc/PID/stat";
  static constexpr const char* kThread = "/proc/PID/task/TID/stat";

  Status read(ProcSubject subject, const char* name = kProcess);

  char state() const;
  bool is_zombie() const { return state() == 'Z' || state() == 'X'; }
  pid_t parent() const { return static_cast<pid_t>(field(4)); }
  uint32_t flags() const { return static_cast<uint32_t>(field(9)); }
  // When it was started, in the kernel's ticks since the system was: together with its number it names a process.
  uint64_t started() const { return field(22); }
  // As proc(5) counts them, from 4 on; 0 where there is none.
  uint64_t field(int number) const;

 private:
  char text_[2048] = "";
  const char* rest_ = nullptr;  // behind the name, which may contain anything
};

}  // namespace pagestore

#include "linux/thread_status.h"

#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "linux/proc_file.h"
#include "linux/process_stat.h"

namespace pagestore {

namespace {

// The signals that a line of the status lists.
bool read_signals(pid_t pid, const char* name, uint64_t* signals) {
  char text[4096];
  if (!read_proc_start({pid, pid}, "/proc/PID/status", text).is_ok()) return false;
  const char* line = strstr(text, name);
  return line != nullptr && sscanf(line + strlen(name), " %" SCNx64, signals) == 1;
}

}  // namespace

ThreadStatus read_thread_status(pid_t pid, pid_t thread) {
  constexpr uint32_t kExiting = 4;  // the kernel's PF_EXITING
  ProcessStat stat;
  if (Status status = stat.read({pid, thread}, ProcessStat::kThread); !status.is_ok()) {
    return {status.error() == Error::process_gone, 0};
  }
  return {stat.is_zombie() || (stat.flags() & kExiting) != 0, stat.parent()};
}

bool is_dying(pid_t pid, pid_t thread) {
  char text[4096];
  uint64_t pending = 0;
  if (read_thread_status(pid, thread).has_ended) return true;
  if (!read_proc_start({pid, thread}, "/proc/PID/task/TID/status", text).is_ok()) return false;
  const char* line = strstr(text, "\nSigPnd:");
  if (line != nullptr) sscanf(line, "\nSigPnd: %" SCNx64, &pending);
  return ((pending >> (SIGKILL - 1)) & 1) != 0;
}

bool is_inside_vfork(pid_t pid, pid_t thread) {
  char text[512];
  ProcessStat stat;
  if (!stat.read({pid, thread}, ProcessStat::kThread).is_ok() || stat.state() != 'D') return false;
  long number = 0;
  uint64_t first = 0, flags = 0;
  if (!read_proc_start({pid, thread}, "/proc/PID/task/TID/syscall", text).is_ok()) return false;
  if (sscanf(text, "%ld %" SCNx64, &number, &first) != 2) return false;
#if defined(SYS_vfork)
  if (number == SYS_vfork) return true;
#endif
  if (number == SYS_clone) flags = first;
  iovec here{&flags, sizeof(flags)}, there{reinterpret_cast<void*>(first), sizeof(flags)};
  if (number == SYS_clone3 && process_vm_readv(pid, &here, 1, &there, 1, 0) < 0) return false;
  return (flags & CLONE_VFORK) != 0;
}

RestReading read_rest(pid_t pid, pid_t thread) {
  char text[512];
  ProcessStat stat;
  RestReading reading{true, 0};
  if (read_proc_start({pid, thread}, "/proc/PID/task/TID/schedstat", text).is_ok()) {
    sscanf(text, "%*u %*u %" SCNu64, &reading.runs);
  }
  // Later than the count: a thread that runs on meanwhile is counted once more, or is seen to run.
  if (!stat.read({pid, thread}, ProcessStat::kThread).is_ok()) return reading;
  reading.is_at_rest = stat.state() == 'S' || stat.is_zombie();
  return reading;
}

bool has_system_call_filter(pid_t pid) {
  char text[4096];
  if (!read_proc_start({pid, pid}, "/proc/PID/status", text).is_ok()) return false;
  const char* line = strstr(text, "\nSeccomp:");
  return line != nullptr && strtol(line + strlen("\nSeccomp:"), nullptr, 10) != 0;
}

bool is_caught(pid_t pid, int signal) {
  uint64_t caught;
  return read_signals(pid, "\nSigCgt:", &caught) && ((caught >> (signal - 1)) & 1) != 0;
}

bool is_default(pid_t pid, int signal) {
  uint64_t caught, ignored;
  return read_signals(pid, "\nSigCgt:", &caught) && read_signals(pid, "\nSigIgn:", &ignored) &&
         (((caught | ignored) >> (signal - 1)) & 1) == 0;
}

bool is_thread_of(pid_t pid, pid_t id) {
  return access(ProcPath({pid, id}, "/proc/PID/task/TID").text(), F_OK) == 0;
}

}  // namespace pagestore

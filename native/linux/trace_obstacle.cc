#include "linux/trace_obstacle.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "linux/proc_file.h"
#include "system/scoped_fd.h"

namespace pagestore {

TraceObstacle find_obstacle(pid_t pid) {
  TraceObstacle found;
  char text[4096];
  unsigned owner = 0;
  if (read_proc_start(pid, "/proc/PID/status", text).is_ok()) {
    const char* tracer = strstr(text, "\nTracerPid:");
    const char* user = strstr(text, "\nUid:");
    if (tracer != nullptr) sscanf(tracer, "\nTracerPid: %d", &found.tracer);
    if (user != nullptr && sscanf(user, "\nUid: %u", &owner) == 1 && owner != geteuid()) found.owner = owner;
  }
  const ScopedFd scope(open("/proc/sys/kernel/yama/ptrace_scope", O_RDONLY | O_CLOEXEC));
  char digit = '0';
  if (scope.is_open() && read(scope.get(), &digit, 1) == 1) found.yama_scope = digit - '0';
  return found;
}

}  // namespace pagestore

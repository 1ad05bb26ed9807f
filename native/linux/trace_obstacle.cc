#include "linux/trace_obstacle.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "linux/proc_file.h"
#include "system/old_glibc.h"
#include "system/scoped_fd.h"

namespace pagestore {

namespace {

bool is_thread_of_ours(pid_t thread) {
  char path[48];
  snprintf(path, sizeof(path), "/proc/self/task/%d", thread);
  return thread != 0 && access(path, F_OK) == 0;
}

}  // namespace

TraceObstacle find_obstacle(pid_t pid) {
  TraceObstacle found;
  char text[4096];
  unsigned owner = 0;
  if (read_proc_start(pid, "/proc/PID/status", text).is_ok()) {
    const char* tracer = strstr(text, "\nTracerPid:");
    const char* user = strstr(text, "\nUid:");
    if (tracer != nullptr) sscanf(tracer, "\nTracerPid: %d", &found.tracer);
    if (is_thread_of_ours(found.tracer)) found.tracer = 0;
    if (user != nullptr && sscanf(user, "\nUid: %u", &owner) == 1 && owner != geteuid()) found.owner = owner;
    // The kernel gives the files of one that nobody may read to root.
    snprintf(text, sizeof(text), "/proc/%d/stat", pid);
    struct stat status {};
    found.is_unreadable = !found.owner && read_file_status(text, &status) == 0 && status.st_uid != geteuid();
  }
  const ScopedFd scope(open("/proc/sys/kernel/yama/ptrace_scope", O_RDONLY | O_CLOEXEC));
  char digit = '0';
  if (scope.is_open() && read(scope.get(), &digit, 1) == 1) found.yama_scope = digit - '0';
  return found;
}

}  // namespace pagestore

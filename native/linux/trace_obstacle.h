// Why the system lets us neither read nor trace a process, as far as /proc says: for messages.
#pragma once

#include <sys/types.h>

#include <optional>

namespace pagestore {

struct TraceObstacle {
  pid_t tracer = 0;            // who traces it already, if that is not us
  std::optional<uid_t> owner;  // whose it is, where that is somebody else
  bool is_unreadable = false;  // although it is ours: it asked for that, or its file may not be read
  int yama_scope = 0;          // kernel.yama.ptrace_scope
};

TraceObstacle find_obstacle(pid_t pid);

}  // namespace pagestore

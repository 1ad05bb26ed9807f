#include "linux/program_layout.h"

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>

#include "linux/proc_file.h"

namespace pagestore {

Status read_program_layout(pid_t pid, ProgramLayout* layout) {
  constexpr const char* kName = "/proc/PID/stat";
  char text[2048];
  if (Status status = read_proc_start(pid, kName, text); !status.is_ok()) return status;
  // The process's name is the second field, in brackets, and may contain anything.
  const char* rest = strrchr(text, ')');
  // After it field 28 is the stack's start, and field 47 the heap's.
  constexpr const char* kFields =
      ") %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s"
      " %" SCNu64
      " %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s"
      " %" SCNu64;
  if (rest != nullptr && sscanf(rest, kFields, &layout->stack_start, &layout->heap_start) == 2) return Status::ok();
  return process_refused(pid, kName, EINVAL);
}

}  // namespace pagestore

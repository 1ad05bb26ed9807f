#include "linux/program_layout.h"

#include "linux/process_stat.h"

namespace pagestore {

Status read_program_layout(pid_t pid, ProgramLayout* layout) {
  ProcessStat stat;
  if (Status status = stat.read(pid); !status.is_ok()) return status;
  layout->stack_start = stat.field(28);
  layout->heap_start = stat.field(47);
  return Status::ok();
}

}  // namespace pagestore

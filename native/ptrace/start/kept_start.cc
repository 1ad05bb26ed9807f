#include "ptrace/start/kept_start.h"

#include <sched.h>

#include <new>

#include "linux/proc_file.h"

namespace pagestore {

namespace {

bool has_only_streams(pid_t pid) {
  constexpr int32_t kStreams = 3;
  NumberDirectory directory;
  if (!directory.open(pid, "/proc/PID/fd").is_ok()) return false;
  for (int32_t number; directory.next(&number);) {
    if (number >= kStreams) return false;
  }
  return true;
}

bool can_be_kept(const TracedProcess& process) {
  return process.threads().size() == 1 && !process.may_have_children() && has_only_streams(process.pid());
}

void bind_to(const std::optional<int>& processor, pid_t pid) {
  if (!processor) return;
  cpu_set_t processors;
  CPU_ZERO(&processors);
  CPU_SET(static_cast<size_t>(*processor), &processors);
  sched_setaffinity(pid, sizeof(processors), &processors);
}

}  // namespace

Status KeptStart::start(const LaunchOptions& options, TracedProcess* process) {
  if (kept_ && process->fork_from(*kept_).is_ok()) {
    bind_to(options.processor, process->pid());
    return Status::ok();
  }
  kept_.reset();
  if (Status status = launch(options, process); !status.is_ok()) return status;
  if (!process->has_random_addresses() || !can_be_kept(*process)) return Status::ok();
  kept_.reset(new (std::nothrow) TracedProcess);
  if (kept_ && !kept_->fork_from(*process).is_ok()) kept_.reset();
  return Status::ok();
}

}  // namespace pagestore

#include "ptrace/start/kept_start.h"

#include <cerrno>
#include <new>

#include "linux/proc_file.h"
#include "linux/thread_status.h"
#include "ptrace/processor.h"

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

bool has_ended(const TracedProcess& process) {
  return process.has_ended() || read_thread_status(process.pid(), process.pid()).has_ended;
}

}  // namespace

Status KeptStart::start(const LaunchOptions& options, TracedProcess* process) {
  if (kept_) {
    const Status status = process->fork_from(*kept_);
    if (status.is_ok()) {
      if (options.processor) {
        bind_to_processor(process->pid(), options.first_processor);
        process->change_processor(options.first_processor, *options.processor);
      }
      return status;
    }
    // It may be dying still.
    if (status.error() != Error::process_gone && !has_ended(*kept_)) return status;
    return Status::system(
        Error::spawn, "at the addresses that it had before, as the process that was kept for that was killed", ESRCH);
  }
  if (Status status = launch(options, process); !status.is_ok()) return status;
  if (!process->has_random_addresses() || !can_be_kept(*process)) return Status::ok();
  kept_.reset(new (std::nothrow) TracedProcess);
  if (kept_ && !kept_->fork_from(*process).is_ok()) kept_.reset();
  return Status::ok();
}

}  // namespace pagestore

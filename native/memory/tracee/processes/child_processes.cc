#include "memory/tracee/processes/child_processes.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "linux/process_stat.h"
#include "linux/related_processes.h"
#include "linux/thread_status.h"
#include "memory/tracee/processes/sharing.h"
#include "memory/tracee/scratch.h"

namespace pagestore {

namespace {

bool has_ended(int32_t code) {
  return code == CLD_EXITED || code == CLD_KILLED || code == CLD_DUMPED;
}

// What /proc says of one where the program may not be asked: that it has ended, and how; or that it is stopped, though
// not whether that was waited for.
void note_from_outside(const ProcessStat& stat, int32_t* code, int32_t* status) {
  constexpr int kExitCode = 52;
  const auto ended = static_cast<int>(stat.field(kExitCode));
  *code = *status = 0;
  if (stat.is_zombie()) {
    *code = WIFEXITED(ended) ? CLD_EXITED : WCOREDUMP(ended) ? CLD_DUMPED : CLD_KILLED;
    *status = WIFEXITED(ended) ? WEXITSTATUS(ended) : WTERMSIG(ended);
  } else if (stat.state() == 'T') {
    *code = CLD_STOPPED;
    *status = SIGSTOP;
  }
}

}  // namespace

// Takes from the kernel what it would tell the program, or waits with WNOWAIT.
Status ChildProcesses::wait(RemoteAddress scratch, uint64_t options, Seen* seen) const {
  constexpr uint64_t kAll = 0x4000'0000;  // __WALL
  siginfo_t info{};
  const SystemCall call{SYS_waitid,
                        {P_PID, static_cast<uint64_t>(seen->number), scratch.value(), options | WNOHANG | kAll, 0}};
  int64_t result = 0;
  const auto bytes = std::as_writable_bytes(std::span(&info, 1));
  if (Status status = call_with_bytes(process_, {scratch}, call, bytes, &result); !status.is_ok()) return status;
  if (result != 0) {
    return Status::system(Error::tracee, "asking for a child process (waitid)", static_cast<int>(-result));
  }
  seen->child.code = info.si_pid != 0 ? info.si_code : 0;
  seen->child.status = info.si_pid != 0 ? info.si_status : 0;
  return Status::ok();
}

// Numbers are used again.
const ChildProcesses::Seen* ChildProcesses::find_before(const Child& child) const {
  const auto* const found = std::find_if(before_.begin(), before_.end(), [&](const Seen& each) {
    return each.child.id == child.id && each.child.started == child.started;
  });
  return found != before_.end() ? found : nullptr;
}

Status ChildProcesses::find_number(Seen* seen) {
  if (depth_ == 0) {
    if (Status status = read_namespace_depth(process_.live_thread(), &depth_); !status.is_ok()) return status;
  }
  seen->number = seen->child.id;
  return depth_ > 1 ? read_number_at(seen->child.id, depth_, &seen->number) : Status::ok();
}

// One that has ended says so until it is waited for. Of one that slept and said nothing there is nothing new as long as
// it sleeps: to stop, and to go on after a stop, its first thread would have to run.
Status ChildProcesses::ask(RemoteAddress scratch, Seen* seen) const {
  const Seen* before = find_before(seen->child);
  const bool has_slept = before != nullptr && before->child.code == 0 && before->state == 'S' && seen->state == 'S' &&
                         seen->runs != 0 && before->runs == seen->runs;
  if (before != nullptr && (has_slept || has_ended(before->child.code))) {
    seen->child.code = before->child.code;
    seen->child.status = before->child.status;
    return Status::ok();
  }
  return wait(scratch, WEXITED | WSTOPPED | WCONTINUED | WNOWAIT, seen);
}

// One that nobody has to wait for may end at any moment, and is no child then.
Status ChildProcesses::read_child(pid_t id, std::optional<RemoteAddress> scratch) {
  const auto is_over = [id](uint64_t started) {
    ProcessStat stat;
    return !stat.read(id).is_ok() || stat.started() != started;
  };
  Seen seen{};
  ProcessStat stat;
  // The count is the older one: who ran meanwhile is asked again.
  seen.runs = read_rest(id, id).runs;
  if (!stat.read(id).is_ok()) return Status::ok();
  seen.state = stat.state();
  seen.child = {id, 0, 0, 0, stat.started()};
  const Seen* before = find_before(seen.child);
  Status status = Status::ok();
  if (before != nullptr) seen.number = before->number;
  if (before == nullptr) status = find_number(&seen);
  if (status.is_ok() && !scratch) {
    return Status::system(Error::tracee, "asking for children without a stack", ENOTSUP);
  }
  if (status.is_ok()) status = ask(*scratch, &seen);
  if (status.error() == Error::permission) {
    note_from_outside(stat, &seen.child.code, &seen.child.status);
    status = Status::ok();
  }
  if (!status.is_ok()) return is_over(seen.child.started) ? Status::ok() : status;
  return children_.append(seen) ? Status::ok() : Status::no_memory(sizeof(seen));
}

Status ChildProcesses::read(std::optional<RemoteAddress> scratch, bool files) {
  std::swap(before_, children_);
  children_.clear();
  runner_ = 0;
  if (!process_.may_have_children()) return Status::ok();
  const auto threads = process_.threads();
  const bool is_inside_vfork =
      std::any_of(threads.begin(), threads.end(), [](const TracedThread* each) { return each->is_inside_vfork(); });
  if (is_inside_vfork) return Status::ok();  // what it is asked for is refused anyway
  if (Status status = check_sharing(process_, scratch, files); !status.is_ok()) return status;
  GrowingArray<pid_t> all;
  Status status = read_children(process_.live_thread(), &all);
  // A kernel that does not list them: nothing is known of those of a process that was attached to.
  if (status.error() == Error::tracee && process_.file_changes().last_start() == 0) status = Status::ok();
  if (!status.is_ok()) return status;
  for (const pid_t id : all) {
    if (status = read_child(id, scratch); !status.is_ok()) return status;
  }
  find_runners();
  if (all.empty() && process_.started().all().empty() && !process_.started().has_sharers()) process_.mark_childless();
  return Status::ok();
}

void ChildProcesses::find_runners() {
  StartedProcesses& started = process_.started();
  for (size_t i = started.all().size(); i-- > 0;) {
    const StartedProcess each = started.all()[i];
    const bool is_child = std::any_of(children_.begin(), children_.end(), [&](const Seen& seen) {
      return seen.child.id == each.id && seen.child.started == each.started;
    });
    ProcessStat stat;
    if (is_child) continue;
    if (!stat.read(each.id).is_ok() || (!each.start.is_thread && stat.started() != each.started)) {
      started.remove(each.id);
      continue;
    }
    const bool runs = !each.start.is_thread && !stat.is_zombie();
    if (!runs || (runner_ != 0 && each.origin <= runner_origin_)) continue;
    runner_ = each.id;
    runner_origin_ = each.origin;
  }
}

Status ChildProcesses::save(GrowingArray<std::byte>* bytes) const {
  for (const Seen& each : children_) {
    if (!bytes->append(std::as_bytes(std::span(&each.child, 1)))) return Status::no_memory(sizeof(Child));
  }
  return Status::ok();
}

Status ChildProcesses::read_saved(std::span<const std::byte> bytes, GrowingArray<Child>* children) {
  if (!children->resize(bytes.size() / sizeof(Child))) return Status::no_memory(bytes.size());
  if (!bytes.empty()) memcpy(children->data(), bytes.data(), children->size() * sizeof(Child));
  return Status::ok();
}

const ChildProcesses::Child* ChildProcesses::find(std::span<const Child> children, const Child& child) {
  const auto found = std::find_if(children.begin(), children.end(), [&](const Child& each) {
    return each.id == child.id && each.started == child.started;
  });
  return found != children.end() ? &*found : nullptr;
}

Status ChildProcesses::compare(const Child& then, const Child& now) {
  if (now.code == then.code && now.status == then.status) return Status::ok();
  switch (now.code) {
    case CLD_STOPPED:
    case CLD_TRAPPED:
      return Status::child(
          now.id, ", a child process of the program, was stopped since the snapshot, which a restore cannot undo");
    case CLD_CONTINUED:
      return Status::child(
          now.id, ", a child process of the program, was continued since the snapshot, which a restore cannot undo");
    case 0:
      return Status::child(
          now.id, ", a child process of the program, was waited for since the snapshot, which a restore cannot undo");
    default:
      return Status::child(
          now.id, ", a child process of the program, has ended since the snapshot, which a restore cannot undo");
  }
}

Status ChildProcesses::check(std::span<const std::byte> bytes, uint64_t event) const {
  GrowingArray<Child> saved;
  if (Status status = read_saved(bytes, &saved); !status.is_ok()) return status;
  const std::span<const Child> then(saved.data(), saved.size());
  for (const Child& child : then) {
    const auto* const now = std::find_if(children_.begin(), children_.end(), [&](const Seen& each) {
      return each.child.id == child.id && each.child.started == child.started;
    });
    if (now == children_.end()) {
      return Status::child(
          child.id,
          ", a child process of the program, has ended, and was waited for, since the snapshot, which a restore "
          "cannot undo");
    }
    if (Status status = compare(child, now->child); !status.is_ok()) return status;
  }
  for (const Seen& each : children_) {
    if (find(then, each.child) != nullptr || has_ended(each.child.code)) continue;
    return Status::child(
        each.child.id,
        ", a child process of the program, was started since the snapshot and runs, which a restore cannot undo");
  }
  if (runner_ == 0 || runner_origin_ <= event) return Status::ok();
  return Status::child(
      runner_,
      ", a process that came of what the program has started since the snapshot, runs, which a restore cannot undo");
}

Status ChildProcesses::undo(std::span<const std::byte> bytes, std::optional<RemoteAddress> scratch) {
  GrowingArray<Child> saved;
  if (Status status = read_saved(bytes, &saved); !status.is_ok()) return status;
  const std::span<const Child> then(saved.data(), saved.size());
  for (size_t i = children_.size(); i-- > 0;) {
    if (find(then, children_[i].child) != nullptr) continue;
    if (Status status = wait(*scratch, WEXITED, &children_[i]); !status.is_ok()) return status;
    children_.erase(i, 1);
  }
  return Status::ok();
}

void ChildProcesses::warn(uint64_t event) {
  const auto* const child =
      std::find_if(children_.begin(), children_.end(), [](const Seen& each) { return !has_ended(each.child.code); });
  const pid_t running = child != children_.end() ? child->child.id : runner_;
  if (running != 0 && !has_warned_of_running_) {
    has_warned_of_running_ = true;
    snprintf(warning_, sizeof(warning_),
             "Process %d, %s, runs on by itself: a restore does not put back what it does, and may take away what it "
             "wrote to files that it shares with the program",
             running,
             child != children_.end() ? "a child process of the program" : "which came of what the program started");
  } else if (process_.file_changes().last_start() > event && !has_warned_of_ended_) {
    has_warned_of_ended_ = true;
    snprintf(
        warning_, sizeof(warning_),
        "Processes that the program has started since the snapshot are not made undone: what they did stays, and so "
        "do processes that they have started");
  }
}

}  // namespace pagestore

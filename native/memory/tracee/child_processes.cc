#include "memory/tracee/child_processes.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "linux/related_processes.h"
#include "linux/thread_status.h"
#include "memory/tracee/scratch.h"

namespace pagestore {

namespace {

bool has_ended(int32_t code) {
  return code == CLD_EXITED || code == CLD_KILLED || code == CLD_DUMPED;
}

}  // namespace

Status ChildProcesses::check_memory(pid_t other, RemoteAddress scratch) const {
  if (!shares_memory(process_.live_thread(), other, scratch.value())) return Status::ok();
  return Status::child(other,
                       " shares the program's memory (CLONE_VM), and can write there while the program is stopped");
}

// Takes from the kernel what it would tell the program.
Status ChildProcesses::wait(RemoteAddress scratch, uint64_t options, Child* child) const {
  constexpr uint64_t kAll = 0x4000'0000;  // __WALL
  siginfo_t info{};
  const SystemCall call{SYS_waitid,
                        {P_PID, static_cast<uint64_t>(child->id), scratch.value(), options | WNOHANG | kAll, 0}};
  int64_t result = 0;
  const auto bytes = std::as_writable_bytes(std::span(&info, 1));
  if (Status status = call_with_bytes(process_, {scratch}, call, bytes, &result); !status.is_ok()) return status;
  if (result == 0 && info.si_pid != 0) child->code = info.si_code, child->status = info.si_status;
  return Status::ok();
}

Status ChildProcesses::read(std::optional<RemoteAddress> scratch) {
  children_.clear();
  if (!process_.may_have_children()) return Status::ok();
  const auto threads = process_.threads();
  const bool is_inside_vfork =
      std::any_of(threads.begin(), threads.end(), [](const TracedThread* each) { return each->is_inside_vfork(); });
  if (is_inside_vfork) return Status::ok();  // what it is asked for is refused anyway
  GrowingArray<pid_t> all;
  Status status = read_children(process_.live_thread(), &all);
  // A kernel that does not list them: nothing is known of those of a process that was attached to.
  if (status.error() == Error::tracee && process_.file_changes().last_start() == 0) status = Status::ok();
  if (!status.is_ok()) return status;
  if (all.empty() && process_.followers().empty()) process_.mark_childless();
  if (!process_.may_have_children()) return Status::ok();
  if (!scratch) return Status::system(Error::tracee, "asking for children without a stack", ENOTSUP);
  for (const pid_t follower : process_.followers()) {
    if (status = check_memory(follower, *scratch); !status.is_ok()) return status;
  }
  for (const pid_t id : all) {
    if (status = check_memory(id, *scratch); !status.is_ok()) return status;
    Child child{id, 0, 0, 0, start_of(id)};
    if (status = wait(*scratch, WEXITED | WSTOPPED | WCONTINUED | WNOWAIT, &child); !status.is_ok()) return status;
    if (!children_.append(child)) return Status::no_memory(sizeof(child));
  }
  return Status::ok();
}

Status ChildProcesses::save(GrowingArray<std::byte>* bytes) const {
  return bytes->append(std::as_bytes(all())) ? Status::ok() : Status::no_memory(all().size_bytes());
}

Status ChildProcesses::read_saved(std::span<const std::byte> bytes, GrowingArray<Child>* children) {
  if (!children->resize(bytes.size() / sizeof(Child))) return Status::no_memory(bytes.size());
  if (!bytes.empty()) memcpy(children->data(), bytes.data(), children->size() * sizeof(Child));
  return Status::ok();
}

// Numbers are used again.
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

Status ChildProcesses::check(std::span<const std::byte> bytes) const {
  GrowingArray<Child> saved;
  if (Status status = read_saved(bytes, &saved); !status.is_ok()) return status;
  const std::span<const Child> then(saved.data(), saved.size());
  for (const Child& child : then) {
    const Child* now = find(all(), child);
    if (now == nullptr) {
      return Status::child(
          child.id,
          ", a child process of the program, has ended, and was waited for, since the snapshot, which a restore "
          "cannot undo");
    }
    if (Status status = compare(child, *now); !status.is_ok()) return status;
  }
  for (const Child& child : all()) {
    if (find(then, child) != nullptr || has_ended(child.code)) continue;
    return Status::child(
        child.id,
        ", a child process of the program, was started since the snapshot and runs, which a restore cannot undo");
  }
  return Status::ok();
}

Status ChildProcesses::undo(std::span<const std::byte> bytes, std::optional<RemoteAddress> scratch) {
  GrowingArray<Child> saved;
  if (Status status = read_saved(bytes, &saved); !status.is_ok()) return status;
  const std::span<const Child> then(saved.data(), saved.size());
  for (size_t i = children_.size(); i-- > 0;) {
    if (find(then, children_[i]) != nullptr) continue;
    if (Status status = wait(*scratch, WEXITED, &children_[i]); !status.is_ok()) return status;
    children_.erase(i, 1);
  }
  return Status::ok();
}

void ChildProcesses::warn(uint64_t event) {
  const auto running =
      std::find_if(all().begin(), all().end(), [](const Child& each) { return !has_ended(each.code); });
  if (running != all().end() && !has_warned_of_running_) {
    has_warned_of_running_ = true;
    snprintf(warning_, sizeof(warning_),
             "Process %d, a child process of the program, runs on by itself: a restore does not put back what it does, "
             "and may take away what it wrote to files that it shares with the program",
             running->id);
  } else if (process_.file_changes().last_start() > event && !has_warned_of_ended_) {
    has_warned_of_ended_ = true;
    snprintf(warning_, sizeof(warning_),
             "Processes that the program has started have ended since the snapshot: what they did is not made undone");
  }
}

}  // namespace pagestore

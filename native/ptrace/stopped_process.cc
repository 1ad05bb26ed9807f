#include "ptrace/stopped_process.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>

#include "linux/kernel_compare.h"
#include "linux/related_processes.h"
#include "linux/thread_status.h"
#include "ptrace/release/late_releases.h"
#include "ptrace/seizing.h"
#include "ptrace/waiter.h"

namespace pagestore {

namespace {

// A thread that sleeps in the kernel (a slow disk) stops when it wakes. We wait no longer than that.
constexpr int64_t kPatience = 10'000;  // milliseconds

constexpr int kDeepest = 16;  // children inside vfork, each of the one before

// True, too, where the system does not say.
bool may_share_memory(pid_t a, pid_t b) {
  return compare_tasks(a, b, Shared::memory) != Sameness::different;
}

enum class Wait { stopped, ended, inside_vfork, timeout };

// Waits until a thread that we trace stops or ends; its zombie stays, see `resume`. `signal` is what it stopped
// to receive.
Wait wait_for(pid_t pid, pid_t thread, int* signal) {
  const int64_t end = monotonic_now() + kPatience;
  for (long pause = 1'000;; pause = pause < 1'000'000 ? pause * 2 : pause) {
    siginfo_t info{};
    const int waited = waitid(P_PID, static_cast<id_t>(thread), &info, WEXITED | WSTOPPED | WNOHANG | WNOWAIT | __WALL);
    if (waited != 0 && errno != EINTR) return Wait::ended;
    if (waited == 0 && info.si_pid == thread) {
      if (info.si_code != CLD_TRAPPED && info.si_code != CLD_STOPPED) return Wait::ended;
      // Unreaped, the kernel delivers it should we end now.
      if (info.si_code == CLD_TRAPPED && info.si_status >> 8 == 0) {
        *signal = info.si_status;
        return Wait::stopped;
      }
      // It may have been killed in between.
      if (!take_stop(thread)) continue;
      *signal = 0;
      return Wait::stopped;
    }
    const bool is_late = monotonic_now() > end;
    if ((is_late || pause >= 1'000'000) && is_inside_vfork(pid, thread)) return Wait::inside_vfork;
    if (is_late) return Wait::timeout;
    const timespec rest{0, pause};
    nanosleep(&rest, nullptr);
  }
}

}  // namespace

Status StoppedProcess::stop(pid_t pid, int depth) {
  const ThreadStatus process = read_thread_status(pid, pid);
  if (process.has_ended) return Status::process_gone(pid, "has ended");
  pid_ = pid;
  depth_ = depth;
  is_our_child_ = process.parent == getpid();
  LateReleases::here().pass();
  if (Status status = seize_all(); !status.is_ok()) {
    resume();
    return status;
  }
  return threads_.empty() && parked_.empty() ? Status::process_gone(pid, "has ended") : Status::ok();
}

Status StoppedProcess::seize_all() {
  return seize_threads(
      {pid_, 0}, [this](pid_t thread) { return has(thread); },
      [this](pid_t thread, bool* is_wanted) { return make_room(thread, is_wanted); },
      [this](pid_t thread, const ThreadSleep& sleep) { return wait_until_stopped(thread, sleep); });
}

Status StoppedProcess::make_room(pid_t thread, bool* is_wanted) {
  if (!threads_.reserve(threads_.size() + 1)) return Status::no_memory(sizeof(SeizedThread));
  if (!is_inside_vfork(pid_, thread)) return Status::ok();
  bool has_stopped = false;
  if (Status status = stop_children_of(thread, &has_stopped); !status.is_ok()) return status;
  // The child may have let it go before it was stopped.
  if (!has_stopped || !is_inside_vfork(pid_, thread)) return Status::ok();
  *is_wanted = false;
  return parked_.append(thread) ? Status::ok() : Status::no_memory(sizeof(thread));
}

Status StoppedProcess::wait_until_stopped(pid_t thread, const ThreadSleep& sleep) {
  int signal = 0;
  Wait waited = wait_for(pid_, thread, &signal);
  bool has_stopped = false;
  while (waited == Wait::inside_vfork) {
    if (Status status = stop_children_of(thread, &has_stopped); !status.is_ok()) break;
    // It is interrupted: should its vfork end now, it stops before it does anything.
    if (is_inside_vfork(pid_, thread)) break;
    waited = wait_for(pid_, thread, &signal);
  }
  static_cast<void>(threads_.append({thread, signal, waited == Wait::stopped || waited == Wait::ended}));
  if (waited == Wait::stopped) waits_.on_stop(pid_, thread, sleep);
  if (waited != Wait::timeout) return Status::ok();
  return Status::system(Error::process_memory, "waiting for a thread to stop (waitpid)", ETIMEDOUT);
}

// Those that share the memory: while they stand still, a vfork does not end.
Status StoppedProcess::stop_children_of(pid_t thread, bool* has_stopped) {
  GrowingArray<pid_t> children;
  if (!add_children(pid_, thread, &children).is_ok()) return Status::ok();
  for (const pid_t child : children) {
    if (!may_share_memory(pid_, child)) continue;
    const Status status = stop_in_vfork(child);
    if (!status.is_ok() && status.error() != Error::process_gone) return status;
    *has_stopped = *has_stopped || status.is_ok();
  }
  return Status::ok();
}

Status StoppedProcess::stop_in_vfork(pid_t child) {
  for (const StoppedProcess* each = in_vfork_.get(); each != nullptr; each = each->sibling_.get()) {
    if (each->pid_ == child) return Status::ok();
  }
  if (depth_ == kDeepest) return Status::system(Error::process_memory, "vfork in many children of vfork", EBUSY);
  std::unique_ptr<StoppedProcess> made(new (std::nothrow) StoppedProcess);
  if (!made) return Status::no_memory(sizeof(StoppedProcess));
  if (Status status = made->stop(child, depth_ + 1); !status.is_ok()) return status;
  // It is another program by now, and none of ours to stop.
  if (!may_share_memory(pid_, child)) return Status::process_gone(child, "became another program");
  made->sibling_ = std::move(in_vfork_);
  in_vfork_ = std::move(made);
  return Status::ok();
}

bool StoppedProcess::has(pid_t thread) const {
  for (const SeizedThread& each : threads_) {
    if (each.id == thread) return true;
  }
  return std::find(parked_.begin(), parked_.end(), thread) != parked_.end();
}

// A thread that ended meanwhile stays a zombie until its tracer has reaped it, and only then does its parent
// learn of it; the first thread stands for the process, which ends after all others. Our own child is for its
// parent to wait for.
void StoppedProcess::resume() {
  in_vfork_.reset();
  for (size_t i = threads_.size(); i-- > 0;) {
    const auto& [thread, signal, has_stopped] = threads_[i];
    const bool is_for_others = thread == pid_ && is_our_child_;
    if (!has_stopped) {
      LateReleases::here().release(thread, is_for_others);
      continue;
    }
    waits_.before_release(pid_, thread);
    if (detach_stopped(thread, signal)) continue;
    int ignored;
    if (wait_for(pid_, thread, &ignored) == Wait::ended && !is_for_others) waitpid(thread, nullptr, __WALL | WNOHANG);
  }
  waits_.on_release();
  threads_.clear();
  parked_.clear();
}

}  // namespace pagestore

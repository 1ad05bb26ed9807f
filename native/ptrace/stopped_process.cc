#include "ptrace/stopped_process.h"

#include <dirent.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "linux/process_regions.h"
#include "linux/thread_status.h"

namespace pagestore {

namespace {

// A thread that sleeps in the kernel (a slow disk) stops when it wakes. It is not waited for longer.
constexpr int kPatienceMilliseconds = 10'000;

enum class Wait { stopped, ended, impatient };

// Waits until a thread that we trace stops or ends. Its end is looked at, not taken: see `resume`. `signal`
// is what it stopped to receive.
Wait wait_for(pid_t thread, int* signal) {
  timespec begin{}, now{};
  clock_gettime(CLOCK_MONOTONIC, &begin);
  for (long pause = 1'000;; pause = pause < 1'000'000 ? pause * 2 : pause) {
    siginfo_t info{};
    const int waited = waitid(P_PID, static_cast<id_t>(thread), &info, WEXITED | WSTOPPED | WNOHANG | WNOWAIT | __WALL);
    if (waited != 0 && errno != EINTR) return Wait::ended;
    if (waited == 0 && info.si_pid == thread) {
      if (info.si_code != CLD_TRAPPED && info.si_code != CLD_STOPPED) return Wait::ended;
      int status = 0;
      // It may have been killed since we looked.
      if (waitpid(thread, &status, __WALL | WNOHANG | WUNTRACED) != thread || !WIFSTOPPED(status)) return Wait::ended;
      *signal = status >> 16 == 0 ? WSTOPSIG(status) : 0;
      return Wait::stopped;
    }
    clock_gettime(CLOCK_MONOTONIC, &now);
    if ((now.tv_sec - begin.tv_sec) * 1000 > kPatienceMilliseconds) return Wait::impatient;
    const timespec rest{0, pause};
    nanosleep(&rest, nullptr);
  }
}

}  // namespace

Status StoppedProcess::stop(pid_t pid) {
  pid_t parent = 0;
  if (has_ended(pid, pid, &parent)) return Status::process_gone(pid, "has ended");
  is_our_child_ = parent == getpid();
  // Until a look at the threads shows none that is new: those that run may start others.
  for (bool found_new = true; found_new;) {
    if (Status status = seize_threads(pid, &found_new); !status.is_ok()) {
      resume();
      return status;
    }
  }
  if (!threads_.empty()) return Status::ok();
  return Status::process_gone(pid, "ended");
}

Status StoppedProcess::seize_threads(pid_t pid, bool* found_new) {
  *found_new = false;
  char path[40];
  snprintf(path, sizeof(path), "/proc/%d/task", pid);
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(path), closedir);
  if (!directory) return process_refused(pid, "/proc/PID/task", errno);
  while (const dirent* entry = readdir(directory.get())) {
    const pid_t thread = atoi(entry->d_name);
    if (thread <= 0 || holds(thread)) continue;
    if (!threads_.reserve(threads_.size() + 1)) return Status::out_of_memory("realloc", sizeof(pid_t), ENOMEM);
    if (ptrace(PTRACE_SEIZE, thread, nullptr, nullptr) != 0) {
      const int error_number = errno;
      pid_t parent = 0;
      if (error_number == ESRCH || (thread != pid && has_ended(pid, thread, &parent))) continue;
      if (has_ended(pid, pid, &parent)) return Status::process_gone(pid, "has ended");
      return process_refused(pid, "ptrace", error_number);
    }
    *found_new = true;
    static_cast<void>(threads_.append({thread, 0}));
    ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr);
    if (wait_for(thread, &threads_[threads_.size() - 1].signal) == Wait::impatient) {
      return Status::system(Error::process_memory, "stopping a thread", ETIMEDOUT);
    }
  }
  return Status::ok();
}

bool StoppedProcess::holds(pid_t thread) const {
  for (const Held& held : threads_) {
    if (held.thread == thread) return true;
  }
  return false;
}

// Who ended meanwhile stays until its tracer has waited for it, and so does the news for its parent; the
// first thread is a process, which ends after all others. Our own child is for its parent to wait for.
void StoppedProcess::resume() {
  for (size_t i = threads_.size(); i-- > 0;) {
    const auto& [thread, signal] = threads_[i];
    if (ptrace(PTRACE_DETACH, thread, nullptr, signal) == 0) continue;
    int ignored;
    const bool is_for_others = i == 0 && is_our_child_;
    if (wait_for(thread, &ignored) == Wait::ended && !is_for_others) waitpid(thread, nullptr, __WALL | WNOHANG);
  }
  threads_.clear();
}

}  // namespace pagestore

#include "process/stopped_process.h"

#include <dirent.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "process/process_regions.h"

namespace pagestore {

namespace {

// A thread that sleeps in the kernel (a slow disk) stops when it wakes. It is not waited for longer.
constexpr int kPatienceMilliseconds = 10'000;

enum class Wait { stopped, gone, impatient };

Wait wait_for_stop(pid_t thread) {
  timespec begin{}, now{};
  clock_gettime(CLOCK_MONOTONIC, &begin);
  for (long pause = 1'000;; pause = pause < 1'000'000 ? pause * 2 : pause) {
    int status = 0;
    const pid_t waited = waitpid(thread, &status, __WALL | WNOHANG);
    if (waited == thread) return WIFSTOPPED(status) ? Wait::stopped : Wait::gone;
    if (waited < 0 && errno != EINTR) return Wait::gone;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if ((now.tv_sec - begin.tv_sec) * 1000 > kPatienceMilliseconds) return Wait::impatient;
    const timespec rest{0, pause};
    nanosleep(&rest, nullptr);
  }
}

}  // namespace

Status StoppedProcess::stop(pid_t pid) {
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
  if (!directory) return process_refused(pid, path, errno);
  while (const dirent* entry = readdir(directory.get())) {
    const pid_t thread = atoi(entry->d_name);
    if (thread <= 0 || holds(thread)) continue;
    if (!threads_.reserve(threads_.size() + 1)) return Status::out_of_memory("realloc", sizeof(pid_t), ENOMEM);
    if (ptrace(PTRACE_SEIZE, thread, nullptr, nullptr) != 0) {
      if (errno == ESRCH) continue;
      // Zombies cannot be seized either.
      return process_refused(pid, "ptrace", errno);
    }
    *found_new = true;
    static_cast<void>(threads_.append(thread));
    if (ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr) != 0) continue;
    if (wait_for_stop(thread) == Wait::impatient) {
      return Status::system(Error::process_memory, "stopping a thread", ETIMEDOUT);
    }
  }
  return Status::ok();
}

bool StoppedProcess::holds(pid_t thread) const {
  for (const pid_t held : threads_) {
    if (held == thread) return true;
  }
  return false;
}

void StoppedProcess::resume() {
  for (const pid_t thread : threads_) ptrace(PTRACE_DETACH, thread, nullptr, nullptr);
  threads_.clear();
}

}  // namespace pagestore

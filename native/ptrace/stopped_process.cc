#include "ptrace/stopped_process.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

#include "linux/thread_status.h"
#include "ptrace/seizing.h"
#include "ptrace/waiter.h"

namespace pagestore {

namespace {

// A thread that sleeps in the kernel (a slow disk) stops when it wakes. We wait no longer than that.
constexpr int64_t kPatience = 10'000;  // milliseconds

enum class Wait { stopped, ended, timeout };

// Waits until a thread that we trace stops or ends; its zombie stays, see `resume`. `signal` is what it stopped
// to receive.
Wait wait_for(pid_t thread, int* signal) {
  const int64_t end = monotonic_now() + kPatience;
  for (long pause = 1'000;; pause = pause < 1'000'000 ? pause * 2 : pause) {
    siginfo_t info{};
    const int waited = waitid(P_PID, static_cast<id_t>(thread), &info, WEXITED | WSTOPPED | WNOHANG | WNOWAIT | __WALL);
    if (waited != 0 && errno != EINTR) return Wait::ended;
    if (waited == 0 && info.si_pid == thread) {
      if (info.si_code != CLD_TRAPPED && info.si_code != CLD_STOPPED) return Wait::ended;
      int status = 0;
      // It may have been killed in between.
      if (waitpid(thread, &status, __WALL | WNOHANG | WUNTRACED) != thread || !WIFSTOPPED(status)) return Wait::ended;
      *signal = status >> 16 == 0 ? WSTOPSIG(status) : 0;
      return Wait::stopped;
    }
    if (monotonic_now() > end) return Wait::timeout;
    const timespec rest{0, pause};
    nanosleep(&rest, nullptr);
  }
}

}  // namespace

Status StoppedProcess::stop(pid_t pid) {
  const ThreadStatus process = read_thread_status(pid, pid);
  if (process.has_ended) return Status::process_gone(pid, "has ended");
  pid_ = pid;
  is_our_child_ = process.parent == getpid();
  if (Status status = seize_all(pid); !status.is_ok()) {
    resume();
    return status;
  }
  return threads_.empty() ? Status::process_gone(pid, "has ended") : Status::ok();
}

Status StoppedProcess::seize_all(pid_t pid) {
  const auto stop = [this](pid_t thread, const ThreadSleep& sleep) {
    int signal = 0;
    const Wait waited = wait_for(thread, &signal);
    if (!threads_.append({thread, signal})) {
      ptrace(PTRACE_DETACH, thread, nullptr, signal);
      return Status::no_memory(sizeof(SeizedThread));
    }
    if (waited == Wait::stopped) waits_.on_stop(pid_, thread, sleep);
    if (waited != Wait::timeout) return Status::ok();
    return Status::system(Error::process_memory, "waiting for a thread to stop (waitpid)", ETIMEDOUT);
  };
  return seize_threads(
      {pid, 0, false}, [this](pid_t thread) { return has(thread); }, stop);
}

bool StoppedProcess::has(pid_t thread) const {
  for (const SeizedThread& each : threads_) {
    if (each.id == thread) return true;
  }
  return false;
}

// A thread that ended meanwhile stays a zombie until its tracer has reaped it, and only then does its parent
// learn of it; the first thread stands for the process, which ends after all others. Our own child is for its
// parent to wait for.
void StoppedProcess::resume() {
  for (size_t i = threads_.size(); i-- > 0;) {
    const auto& [thread, signal] = threads_[i];
    waits_.before_release(pid_, thread);
    if (ptrace(PTRACE_DETACH, thread, nullptr, signal) == 0) continue;
    int ignored;
    const bool is_for_others = i == 0 && is_our_child_;
    if (wait_for(thread, &ignored) == Wait::ended && !is_for_others) waitpid(thread, nullptr, __WALL | WNOHANG);
  }
  waits_.on_release();
  threads_.clear();
}

}  // namespace pagestore

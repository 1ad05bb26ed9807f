#include "ptrace/release/late_releases.h"

#include <sys/ptrace.h>
#include <unistd.h>

#include <cerrno>

#include "ptrace/requests.h"
#include "ptrace/waiter.h"

namespace pagestore {

namespace {

// How long a thread may take to stop before others go on without it: a vfork that only starts a program is over by
// then.
constexpr int64_t kPatience = 50;  // milliseconds

}  // namespace

// Who stands between us and the kernel (a sandbox) may refuse a call once; of the kernel's own answers, only that the
// thread is not there is one.
bool detach_stopped(pid_t thread, int signal) {
  if (ptrace(PTRACE_DETACH, thread, nullptr, signal) == 0) return true;
  return errno != ESRCH && ptrace(PTRACE_DETACH, thread, nullptr, signal) == 0;
}

LateReleases& LateReleases::here() {
  thread_local LateReleases releases;
  return releases;
}

bool LateReleases::is_done(const Seized& seized) {
  constexpr int kOurs = __WALL | __WNOTHREAD;
  siginfo_t seen{};
  const auto id = static_cast<id_t>(seized.thread);
  if (waitid(P_PID, id, &seen, WEXITED | WSTOPPED | WNOHANG | WNOWAIT | kOurs) != 0) return true;
  if (seen.si_pid != seized.thread) return false;
  if (seen.si_code != CLD_TRAPPED && seen.si_code != CLD_STOPPED) {
    if (!seized.leaves_zombie) waitid(P_PID, id, &seen, WEXITED | WNOHANG | kOurs);
    return true;
  }
  const std::optional<WaitEvent> stop = take_stop(seized.thread);
  if (!stop) return false;
  const bool is_signal = stop->ptrace_event() == 0 && stop->signal() != kSystemCallStop;
  return detach_stopped(seized.thread, is_signal ? stop->signal() : 0);
}

void LateReleases::release(pid_t thread, bool leaves_zombie) {
  const Seized seized{thread, leaves_zombie};
  interrupt_thread(thread);
  const int64_t end = monotonic_now() + kPatience;
  bool is_noted = false;
  for (useconds_t pause = 50; !is_done(seized); pause = pause < 1000 ? pause * 2 : pause) {
    if (monotonic_now() > end) is_noted = seized_.append(seized);
    if (is_noted) return;
    usleep(pause);
  }
}

bool LateReleases::pass() {
  for (size_t i = seized_.size(); i-- > 0;) {
    if (is_done(seized_[i])) seized_.erase(i, 1);
  }
  return !seized_.empty();
}

}  // namespace pagestore

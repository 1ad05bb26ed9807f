#include "ptrace/waiting.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace pagestore {

namespace {

constexpr int kWanted = WEXITED | WSTOPPED | __WALL | __WNOTHREAD;

// Only to end a system call.
void wake_up(int) {}

// A signal that nobody handles, or 0; found once, and kept for as long as the process lives.
int choose_signal() {
  for (int signal = SIGRTMAX - 1; signal > SIGRTMIN; --signal) {
    struct sigaction now {};
    if (sigaction(signal, nullptr, &now) != 0 || now.sa_handler != SIG_DFL) continue;
    struct sigaction ours {};
    ours.sa_handler = wake_up;  // without SA_RESTART: the wait is to end
    if (sigaction(signal, &ours, nullptr) == 0) return signal;
  }
  return 0;
}

int tick_signal() {
  static const int signal = choose_signal();
  return signal;
}

void set_blocked(bool blocked) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, tick_signal());
  mask_signals(blocked ? SIG_BLOCK : SIG_UNBLOCK, &signals, nullptr);
}

bool is_end(const siginfo_t& seen) {
  return seen.si_code == CLD_EXITED || seen.si_code == CLD_KILLED || seen.si_code == CLD_DUMPED;
}

bool take(const siginfo_t& seen, pid_t spared, Waiting::News* news) {
  if (is_end(seen) && seen.si_pid == spared) {
    // What waitpid would have said.
    *news = {spared, seen.si_code == CLD_EXITED ? (seen.si_status & 0xff) << 8 : seen.si_status};
    return true;
  }
  int status;
  if (waitpid(seen.si_pid, &status, __WALL | __WNOTHREAD | WNOHANG) != seen.si_pid) return false;
  *news = {seen.si_pid, status};
  return true;
}

}  // namespace

Status Waiting::start_ticking(int milliseconds) {
  if (ticks_each_ == milliseconds) return Status::ok();
  if (ticks_each_ == 0) {
    if (tick_signal() == 0) return Status::system(Error::tracee, "a signal that nobody uses", EBUSY);
    set_blocked(true);
    if (timer_.make(CLOCK_MONOTONIC, tick_signal()) != 0) return Status::system(Error::tracee, "timer_create", errno);
  }
  const timespec each{milliseconds / 1000, milliseconds % 1000 * 1'000'000};
  const itimerspec period{each, each};
  timer_.set(period);
  ticks_each_ = milliseconds;
  return Status::ok();
}

bool Waiting::poll(pid_t thread, pid_t spared, News* news) {
  siginfo_t seen{};
  if (waitid(P_PID, static_cast<id_t>(thread), &seen, kWanted | WNOHANG | WNOWAIT) != 0) return false;
  return seen.si_pid == thread && take(seen, spared, news);
}

// Of what we trace the kernel tells stops, too, whether or not they are asked for.
bool Waiting::take_if_ended(pid_t thread, pid_t spared) {
  siginfo_t seen{};
  const auto id = static_cast<id_t>(thread);
  constexpr int kEnded = WEXITED | WNOHANG | __WALL | __WNOTHREAD;
  if (waitid(P_PID, id, &seen, kEnded | WNOWAIT) != 0) return true;
  if (seen.si_pid != thread || !is_end(seen)) return false;
  if (thread != spared) waitid(P_PID, id, &seen, kEnded);
  return true;
}

Status Waiting::wait(std::span<const pid_t> threads, pid_t spared, int milliseconds, News* news) {
  *news = {};
  if (Status status = start_ticking(std::max(milliseconds, 1)); !status.is_ok()) return status;
  const bool is_one = threads.size() == 1;
  siginfo_t seen{};
  set_blocked(false);
  // What ends is taken at once, unless it is for others.
  if (is_one && threads[0] != spared) {
    int status;
    const pid_t waited = waitpid(threads[0], &status, __WALL | __WNOTHREAD);
    const int error_number = errno;
    set_blocked(true);
    if (waited == threads[0]) *news = {waited, status};
    return waited == threads[0] || error_number == EINTR ? Status::ok()
                                                         : Status::process_gone(threads[0], "is not ours to wait for");
  }
  const int waited =
      waitid(is_one ? P_PID : P_ALL, is_one ? static_cast<id_t>(threads[0]) : 0, &seen, kWanted | WNOWAIT);
  const int error_number = errno;
  set_blocked(true);
  if (waited != 0) {
    return error_number == EINTR ? Status::ok() : Status::process_gone(threads[0], "is not ours to wait for");
  }
  if (std::find(threads.begin(), threads.end(), seen.si_pid) != threads.end()) {
    take(seen, spared, news);
    return Status::ok();
  }
  // A child of somebody else that has ended stands before ours until they take it.
  for (const pid_t thread : threads) {
    if (poll(thread, spared, news)) return Status::ok();
  }
  usleep(1000);
  return Status::ok();
}

}  // namespace pagestore

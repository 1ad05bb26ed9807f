#include "ptrace/waiter.h"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "system/assert.h"

namespace pagestore {

namespace {

constexpr int kOurs = __WALL | __WNOTHREAD, kStopOrEnd = WEXITED | WSTOPPED | kOurs;

// Its only effect is to end a system call.
void wake_up(int) {}

// A signal that nobody handles; found once, and kept for as long as this process lives.
std::optional<int> choose_signal() {
  for (int signal = SIGRTMAX - 1; signal > SIGRTMIN; --signal) {
    struct sigaction now {};
    if (sigaction(signal, nullptr, &now) != 0 || now.sa_handler != SIG_DFL) continue;
    struct sigaction ours {};
    ours.sa_handler = wake_up;  // without SA_RESTART: the wait is to end
    if (sigaction(signal, &ours, nullptr) == 0) return signal;
  }
  return {};
}

std::optional<int> timer_signal() {
  static const std::optional<int> signal = choose_signal();
  return signal;
}

void set_blocked(bool blocked) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, *timer_signal());
  mask_signals(blocked ? SIG_BLOCK : SIG_UNBLOCK, &signals, nullptr);
}

bool is_end(const siginfo_t& seen) {
  return seen.si_code == CLD_EXITED || seen.si_code == CLD_KILLED || seen.si_code == CLD_DUMPED;
}

// Neither the stop of a system call, nor one of an event.
bool is_before_signal(const siginfo_t& seen) {
  return (seen.si_code == CLD_TRAPPED || seen.si_code == CLD_STOPPED) && seen.si_status < 0x80;
}

}  // namespace

std::optional<WaitEvent> take_stop(pid_t thread) {
  siginfo_t seen{};
  if (waitid(P_PID, static_cast<id_t>(thread), &seen, WSTOPPED | WNOHANG | kOurs) != 0 || seen.si_pid != thread)
    return {};
  // As waitpid has it; the event of a ptrace-stop is above the signal.
  return WaitEvent{thread, seen.si_status << 8 | 0x7f};
}

int64_t monotonic_now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000 + time.tv_nsec / 1'000'000;
}

std::optional<WaitEvent> Waiter::take(const siginfo_t& seen) const {
  if (is_end(seen) && seen.si_pid == unreaped_) {
    // As waitpid would report it.
    return WaitEvent{seen.si_pid, seen.si_code == CLD_EXITED ? (seen.si_status & 0xff) << 8 : seen.si_status};
  }
  if (keeps_signals_ && is_before_signal(seen)) return WaitEvent{seen.si_pid, seen.si_status << 8 | 0x7f};
  if (!is_end(seen)) return take_stop(seen.si_pid);
  int status;
  if (waitpid(seen.si_pid, &status, kOurs | WNOHANG) != seen.si_pid) return {};
  return WaitEvent{seen.si_pid, status};
}

Status Waiter::prepare() {
  if (period_) return Status::ok();
  if (!timer_signal()) return Status::system(Error::tracee, "a real-time signal that nobody uses", EBUSY);
  set_blocked(true);
  if (timer_.make(CLOCK_MONOTONIC, *timer_signal()) != 0) {
    return Status::system(Error::tracee, "making a timer for a wait (timer_create)", errno);
  }
  period_ = 0;
  return Status::ok();
}

Status Waiter::start_timer(int milliseconds) {
  if (Status status = prepare(); !status.is_ok()) return status;
  if (period_ == milliseconds) return Status::ok();
  const timespec each{milliseconds / 1000, milliseconds % 1000 * 1'000'000};
  const itimerspec period{each, each};
  timer_.set(period);
  period_ = milliseconds;
  return Status::ok();
}

std::optional<WaitEvent> Waiter::poll(pid_t thread) const {
  siginfo_t seen{};
  if (waitid(P_PID, static_cast<id_t>(thread), &seen, kStopOrEnd | WNOHANG | WNOWAIT) != 0) return {};
  if (seen.si_pid != thread) return {};
  return take(seen);
}

// The kernel reports stops of what we trace, whether or not they are asked for.
bool Waiter::reap(pid_t thread) const {
  siginfo_t seen{};
  const auto id = static_cast<id_t>(thread);
  constexpr int kEnded = WEXITED | WNOHANG | kOurs;
  if (waitid(P_PID, id, &seen, kEnded | WNOWAIT) != 0) return true;
  if (seen.si_pid != thread || !is_end(seen)) return false;
  if (thread != unreaped_) waitid(P_PID, id, &seen, kEnded);
  return true;
}

Status Waiter::wait(std::span<const pid_t> threads, int milliseconds, std::optional<WaitEvent>* event) {
  PS_ASSERT(!threads.empty());
  event->reset();
  if (Status status = start_timer(std::max(milliseconds, 1)); !status.is_ok()) return status;
  const bool is_one = threads.size() == 1;
  siginfo_t seen{};
  set_blocked(false);
  // The end of one thread is taken at once, unless others wait for it.
  if (is_one && threads[0] != unreaped_ && !keeps_signals_) {
    int status;
    const pid_t waited = waitpid(threads[0], &status, kOurs);
    const int error_number = errno;
    set_blocked(true);
    if (waited == threads[0]) *event = {waited, status};
    return waited == threads[0] || error_number == EINTR ? Status::ok()
                                                         : Status::process_gone(threads[0], "is not ours to wait for");
  }
  const int waited =
      waitid(is_one ? P_PID : P_ALL, is_one ? static_cast<id_t>(threads[0]) : 0, &seen, kStopOrEnd | WNOWAIT);
  const int error_number = errno;
  set_blocked(true);
  if (waited != 0) {
    return error_number == EINTR ? Status::ok() : Status::process_gone(threads[0], "is not ours to wait for");
  }
  if (std::find(threads.begin(), threads.end(), seen.si_pid) != threads.end()) {
    *event = take(seen);
    return Status::ok();
  }
  // Until others reap a child of theirs that has ended, the kernel shows it before ours.
  for (const pid_t thread : threads) {
    *event = poll(thread);
    if (*event) return Status::ok();
  }
  usleep(1000);
  return Status::ok();
}

}  // namespace pagestore

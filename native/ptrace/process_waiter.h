// Waits for the threads of one traced process, and notes which of them have ended.
//
// The kernel reports the end of a process's first thread only after the ends of all others were taken, also of
// threads that were never reported to us: so each wait reaps them. When a thread calls exec, the kernel ends
// all others and gives the caller the number of the process; whoever waits for one of the others, or for the
// caller's former number, gets the event of the first thread instead.
#pragma once

#include <optional>
#include <span>

#include "ptrace/thread_table.h"
#include "ptrace/waiter.h"

namespace pagestore {

class ProcessWaiter {
 public:
  // Milliseconds after which a wait reaps what has ended without a report.
  static constexpr int kTick = 50;

  explicit ProcessWaiter(ThreadTable& threads) : threads_(threads) {}

  // `leaves_zombie`: the process is a child of ours whose end others in this process wait for. What waits need is
  // refused here, before anything is traced.
  Status begin(pid_t pid, bool leaves_zombie);
  bool leaves_zombie_of(pid_t thread) const { return waiter_.leaves_zombie_of(thread); }
  pid_t pid() const { return pid_; }
  // As Waiter::keep_signals.
  void keep_signals() {
    keeps_signals_ = true;
    waiter_.keep_signals();
  }

  // The status of the process as from waitpid, once it has ended.
  const std::optional<int>& end() const { return end_; }

  // Waits up to `milliseconds` for any thread of the process, and for any of `others`.
  Status wait_for_any(std::span<const pid_t> others, int milliseconds, std::optional<WaitEvent>* event);

  // Waits until this thread stops or ends, however long others run; or for an event of the first thread, as
  // described above. Refused after ten seconds.
  Status wait_for(const TracedThread& thread, WaitEvent* event);

  // The same for a stop of this very thread. An event of the first thread is kept for the next wait, and
  // anything but a stop of this one is `process_gone`.
  Status wait_for_stop(const TracedThread& thread, WaitEvent* event);

  // After the process was killed: until it has ended, or ten seconds have passed.
  bool wait_for_end();

  // Reaps a thread or child; waits a moment and returns false if it has not ended.
  bool reap_or_pause(pid_t id) const;
  void reap_threads() { reap_threads_but(pid_); }

  const Waiter& waiter() const { return waiter_; }

 private:
  void reap_threads_but(pid_t id);
  bool is_kept(const TracedThread& thread) const {
    return keeps_signals_ && thread.is_at(activity::Kind::signal_delivery);
  }
  bool take_end_of_kept(std::optional<WaitEvent>* event) const;
  void note(const std::optional<WaitEvent>& event);

  ThreadTable& threads_;
  Waiter waiter_;
  pid_t pid_ = 0;
  bool keeps_signals_ = false;
  std::optional<int> end_;
  std::optional<WaitEvent> postponed_;  // of the first thread
  GrowingArray<pid_t> waited_for_;
};

}  // namespace pagestore

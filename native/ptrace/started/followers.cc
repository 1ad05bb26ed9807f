#include "ptrace/started/followers.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "linux/process_stat.h"
#include "ptrace/system_call_filter.h"
#include "ptrace/time_stamp_counter.h"
#include "ptrace/untraced_clone.h"

namespace pagestore {

Status Followers::note_start(pid_t child, const StartCall& start, uint64_t origin) {
  ProcessStat stat;
  if (!stat.read(child).is_ok()) return Status::ok();
  const bool is_noted = started_.add({child, stat.started(), origin, start, keeps_tracing_});
  return is_noted ? Status::ok() : Status::no_memory(sizeof(StartedProcess));
}

Status Followers::add(pid_t child, const StartCall& start, uint64_t origin) {
  int stop;
  if (waitpid(child, &stop, __WALL | __WNOTHREAD) != child || !WIFSTOPPED(stop)) return Status::ok();
  breakpoint_.remove_from(child);
  Status status = note_start(child, start, origin);
  if (!keeps_tracing_) {
    if (start.shared.memory) changes_.mark_unseen();
    ptrace(PTRACE_DETACH, child, nullptr, 0);
    return status;
  }
  if (status.is_ok() && !followers_.append(child)) status = Status::no_memory(sizeof(pid_t));
  if (!status.is_ok()) {
    ::kill(child, SIGKILL);
    return status;
  }
  if (!is_ending_) ptrace(PTRACE_CONT, child, nullptr, 0);
  return Status::ok();
}

// It shares with the tracee what its parent does, and has in common with that.
void Followers::add_child_of(const WaitEvent& event) {
  const int kind = event.ptrace_event();
  if (kind != PTRACE_EVENT_FORK && kind != PTRACE_EVENT_VFORK && kind != PTRACE_EVENT_CLONE) return;
  unsigned long child = 0;
  if (ptrace(PTRACE_GETEVENTMSG, event.thread, nullptr, &child) != 0) return;
  StartedProcess parent;
  if (const StartedProcess* known = started_.find(event.thread); known != nullptr) parent = *known;
  StartCall start = read_start_call(event.thread);
  start.shared.memory = start.shared.memory && parent.start.shared.memory;
  start.shared.descriptors = start.shared.descriptors && parent.start.shared.descriptors;
  static_cast<void>(add(static_cast<pid_t>(child), start, parent.origin));
}

void Followers::on_event(const WaitEvent& event) {
  if (event.is_end()) {
    started_.remove(event.thread);
    for (size_t i = followers_.size(); i-- > 0;) {
      if (followers_[i] == event.thread) followers_.erase(i, 1);
    }
    return;
  }
  const int kind = event.ptrace_event(), signal = event.signal();
  add_child_of(event);
  if (kind == PTRACE_EVENT_SECCOMP) note_call(event.thread);
  if (kind == PTRACE_EVENT_EXEC) started_.on_exec(event.thread);
  if (kind == PTRACE_EVENT_STOP && signal != SIGTRAP) {
    ptrace(PTRACE_LISTEN, event.thread, nullptr, nullptr);
    return;
  }
  const bool is_signal = kind == 0 && signal != kSystemCallStop &&
                         !(has_disabled_counter_ && signal == SIGSEGV && answer_followers_fault(event.thread));
  ptrace(PTRACE_CONT, event.thread, nullptr, is_signal ? signal : 0);
}

void Followers::note_call(pid_t follower) {
  const SystemCallKind kind = kind_of_call(trace_what_starts(follower));
  if (kind == SystemCallKind::exec && files_.observer() != nullptr) files_.observer()->before_exec();
  const StartedProcess* process = started_.find(follower);
  if (process == nullptr || !process->start.shared.any()) return;
  const bool is_of_memory = kind == SystemCallKind::mapping || kind == SystemCallKind::advice;
  if (is_of_memory && process->start.shared.memory) changes_.mark_unseen();
  if (kind == SystemCallKind::descriptors && process->start.shared.descriptors) files_.mark_descriptors_changed();
}

// Those that are stopped come first in the list. One that is inside vfork does not stop, and starts nothing either.
void Followers::stop_all(const ProcessWaiter& waiter) {
  constexpr int kRounds = 400, kPause = 50;  // microseconds
  is_ending_ = true;
  for (const pid_t follower : followers_) ptrace(PTRACE_INTERRUPT, follower, nullptr, nullptr);
  size_t stopped = 0;
  for (int round = 0; round < kRounds && stopped < followers_.size(); ++round) {
    if (round > 0) usleep(kPause);
    for (size_t i = stopped; i < followers_.size();) {
      const std::optional<WaitEvent> event = waiter.waiter().poll(followers_[i]);
      if (event && event->is_end()) {
        followers_.erase(i, 1);
        continue;
      }
      if (event) {
        std::swap(followers_[i], followers_[stopped++]);
        const size_t before = followers_.size();
        add_child_of(*event);
        if (followers_.size() > before) std::swap(followers_[before], followers_[stopped++]);
      }
      ++i;
    }
  }
}

// What is killed while it starts another process never reports that one, which would stay stopped for as long as we
// live: all are stopped first.
void Followers::kill(const ProcessWaiter& waiter) {
  stop_all(waiter);
  for (const pid_t follower : followers_) ::kill(follower, SIGKILL);
  while (!followers_.empty()) {
    for (size_t i = followers_.size(); i-- > 0;) {
      if (waiter.reap_or_pause(followers_[i])) followers_.erase(i, 1);
    }
  }
}

}  // namespace pagestore

#include "ptrace/followers.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <cerrno>

namespace pagestore {

Status Followers::add(pid_t child) {
  int status;
  if (waitpid(child, &status, __WALL | __WNOTHREAD) != child || !WIFSTOPPED(status)) return Status::ok();
  breakpoint_.remove_from(child);
  if (!keeps_tracing_) {
    ptrace(PTRACE_DETACH, child, nullptr, 0);
    return Status::ok();
  }
  if (!followers_.append(child)) {
    ::kill(child, SIGKILL);
    return Status::no_memory(sizeof(pid_t));
  }
  ptrace(PTRACE_CONT, child, nullptr, 0);
  return Status::ok();
}

void Followers::on_event(const WaitEvent& event) {
  if (event.is_end()) {
    for (size_t i = followers_.size(); i-- > 0;) {
      if (followers_[i] == event.thread) followers_.erase(i, 1);
    }
    return;
  }
  const int kind = event.ptrace_event(), signal = event.signal();
  if (kind == PTRACE_EVENT_FORK || kind == PTRACE_EVENT_VFORK || kind == PTRACE_EVENT_CLONE) {
    unsigned long child = 0;
    if (ptrace(PTRACE_GETEVENTMSG, event.thread, nullptr, &child) == 0) {
      static_cast<void>(add(static_cast<pid_t>(child)));
    }
  }
  if (kind == PTRACE_EVENT_STOP && signal != SIGTRAP) {
    ptrace(PTRACE_LISTEN, event.thread, nullptr, nullptr);
    return;
  }
  const bool is_signal = kind == 0 && signal != kSystemCallStop;
  ptrace(PTRACE_CONT, event.thread, nullptr, is_signal ? signal : 0);
}

void Followers::kill(const ProcessWaiter& waiter) {
  // One that is stopped has perhaps started another, which was not reported yet.
  for (size_t i = 0; i < followers_.size(); ++i) {
    const std::optional<WaitEvent> event = waiter.waiter().poll(followers_[i]);
    if (event) on_event(*event);
  }
  for (const pid_t follower : followers_) ::kill(follower, SIGKILL);
  while (!followers_.empty()) {
    for (size_t i = followers_.size(); i-- > 0;) {
      if (waiter.reap_or_pause(followers_[i])) followers_.erase(i, 1);
    }
  }
}

}  // namespace pagestore

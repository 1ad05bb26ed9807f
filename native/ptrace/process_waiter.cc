#include "ptrace/process_waiter.h"

#include <unistd.h>

#include <cerrno>
#include <utility>

#include "linux/proc_file.h"
#include "ptrace/release/late_releases.h"

namespace pagestore {

namespace {

constexpr int64_t kPatience = 10'000;  // milliseconds, for a thread that is to stop or end

}  // namespace

Status ProcessWaiter::begin(pid_t pid, bool leaves_zombie) {
  pid_ = pid;
  if (leaves_zombie) waiter_.leave_zombie_of(pid);
  return waiter_.prepare();
}

void ProcessWaiter::note(const std::optional<WaitEvent>& event) {
  if (!event || !event->is_end()) return;
  if (event->thread == pid_) {
    end_ = event->status;
  } else {
    threads_.remove(event->thread);
  }
}

// One whose stop is unreaped shows that stop again and again.
bool ProcessWaiter::take_end_of_kept(std::optional<WaitEvent>* event) const {
  for (const TracedThread* thread : threads_.all()) {
    if (!is_kept(*thread)) continue;
    *event = waiter_.poll(thread->id());
    if (*event && (*event)->is_end()) return true;
  }
  event->reset();
  return false;
}

// All threads: one that is stopped may be killed.
Status ProcessWaiter::wait_for_any(std::span<const pid_t> others, int milliseconds, std::optional<WaitEvent>* event) {
  if (postponed_) {
    *event = std::exchange(postponed_, std::nullopt);
    return Status::ok();
  }
  waited_for_.clear();
  bool fits = true;
  for (const TracedThread* thread : threads_.all()) {
    if (!is_kept(*thread)) fits = fits && waited_for_.append(thread->id());
  }
  if (!fits || !waited_for_.append(others)) return Status::no_memory(waited_for_.size() * sizeof(pid_t));
  if (take_end_of_kept(event)) {
    note(*event);
    return Status::ok();
  }
  Status status = waiter_.wait({waited_for_.data(), waited_for_.size()}, milliseconds, event);
  if (status.is_ok() && !*event) {
    reap_threads();
    LateReleases::here().pass();
  }
  note(*event);
  return status;
}

Status ProcessWaiter::wait_for(const TracedThread& thread, WaitEvent* event) {
  const pid_t id = thread.id();
  std::optional<WaitEvent> seen = id == pid_ ? std::exchange(postponed_, std::nullopt) : std::nullopt;
  for (const int64_t end = monotonic_now() + kPatience; !seen && monotonic_now() < end;) {
    Status status = waiter_.wait({&id, 1}, kTick, &seen);
    if (!status.is_ok() && id != pid_) {
      seen = std::exchange(postponed_, std::nullopt);
      status = seen ? Status::ok() : waiter_.wait({&pid_, 1}, kTick, &seen);
    }
    if (!status.is_ok()) return status;
    if (!seen) reap_threads_but(id);
  }
  if (!seen) return Status::system(Error::tracee, "waiting for a thread to stop (waitpid)", ETIMEDOUT);
  *event = *seen;
  note(seen);
  return Status::ok();
}

Status ProcessWaiter::wait_for_stop(const TracedThread& thread, WaitEvent* event) {
  const pid_t id = thread.id();
  if (Status status = wait_for(thread, event); !status.is_ok()) return status;
  if (event->is_end()) return Status::process_gone(pid_, "was killed");
  if (event->thread == id) return Status::ok();
  postponed_ = *event;
  return Status::process_gone(pid_, "became another program");
}

bool ProcessWaiter::wait_for_end() {
  for (const int64_t end = monotonic_now() + kPatience; !end_ && monotonic_now() < end;) {
    std::optional<WaitEvent> event;
    if (!waiter_.wait({&pid_, 1}, kTick, &event).is_ok()) return false;
    if (!event) reap_threads();
    note(event);
  }
  return end_.has_value();
}

bool ProcessWaiter::reap_or_pause(pid_t id) const {
  constexpr int kPause = 50;  // microseconds
  if (waiter_.reap(id)) return true;
  usleep(kPause);
  return false;
}

void ProcessWaiter::reap_threads_but(pid_t id) {
  NumberDirectory tasks;
  if (!tasks.open(pid_).is_ok()) return;
  for (pid_t other; tasks.next(&other);) {
    if (other != pid_ && other != id && waiter_.reap(other)) threads_.remove(other);
  }
}

}  // namespace pagestore

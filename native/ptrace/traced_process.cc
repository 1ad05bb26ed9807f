#include "ptrace/traced_process.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <utility>

#include "linux/process_regions.h"
#include "linux/thread_status.h"
#include "ptrace/trap.h"
#include "system/old_glibc.h"

namespace pagestore {

namespace {

constexpr long kOptions =
    PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK;

// A number that costs a system call only once a thread.
pid_t this_thread() {
  thread_local const pid_t id = current_thread();
  return id;
}

Status no_memory(size_t bytes) {
  return Status::out_of_memory("realloc", bytes, ENOMEM);
}

}  // namespace

TracedProcess::~TracedProcess() {
  if (pid_ != 0 && !has_ended_) {
    if (is_spawned_ || !detach().is_ok()) kill();
  }
  end_followers();
  for (TracedThread* thread : threads_) delete thread;
  bury();
}

Status TracedProcess::check() const {
  if (tracer_ != this_thread()) {
    return Status::system(Error::wrong_thread, "a tracee belongs to the thread that made it", EPERM);
  }
  return has_ended_ ? Status::process_gone(pid_, "has ended") : Status::ok();
}

TracedThread* TracedProcess::find(pid_t id) const {
  for (TracedThread* thread : threads_) {
    if (thread->id() == id) return thread;
  }
  return nullptr;
}

Status TracedProcess::thread(pid_t id, TracedThread** thread) const {
  *thread = find(id == 0 ? last_ : id);
  // The one that stopped last may have ended since.
  if (id == 0 && (*thread == nullptr || (*thread)->place == Place::ended)) *thread = find(living());
  if (*thread != nullptr && (*thread)->place != Place::ended) return Status::ok();
  return Status::refused(Error::thread, static_cast<uint64_t>(id), static_cast<uint64_t>(pid_));
}

pid_t TracedProcess::living() const {
  for (const TracedThread* thread : threads_) {
    if (thread->place != Place::ended) return thread->id();
  }
  return 0;
}

Status TracedProcess::add_thread(pid_t id, TracedThread** thread) {
  *thread = new (std::nothrow) TracedThread(id);
  if (*thread == nullptr || !threads_.append(*thread)) {
    delete *thread;
    return no_memory(sizeof(TracedThread));
  }
  return Status::ok();
}

void TracedProcess::remove_thread(pid_t id) {
  for (size_t i = 0; i < threads_.size(); ++i) {
    if (threads_[i]->id() != id) continue;
    threads_[i]->next_dead = dead_;
    dead_ = threads_[i];
    threads_.erase(i, 1);
    return;
  }
}

void TracedProcess::bury() {
  while (dead_ != nullptr) delete std::exchange(dead_, dead_->next_dead);
}

Status TracedProcess::seize_child(pid_t pid, bool has_filter) {
  pid_ = last_ = pid;
  tracer_ = this_thread();
  is_spawned_ = true;
  has_filter_ = has_filter;
  TracedThread* thread;
  if (Status status = add_thread(pid, &thread); !status.is_ok()) return status;
  const long options = kOptions | PTRACE_O_EXITKILL | (has_filter ? PTRACE_O_TRACESECCOMP : 0);
  if (ptrace(PTRACE_SEIZE, pid, nullptr, options) == 0) return Status::ok();
  return process_refused(pid, "ptrace", errno);
}

Status TracedProcess::attach(pid_t pid) {
  pid_t parent = 0;
  if (has_ended(pid, pid, &parent)) return Status::process_gone(pid, "has ended");
  // Its other threads have numbers, too.
  const ScopedFd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!process.is_open() && errno == EINVAL) return Status::process_gone(pid, "is a thread and no process");
  tracer_ = this_thread();
  if (parent == getpid()) {
    // The loop that waits for Node's children would take its stops.
    if (tracer_ != getpid()) {
      return Status::system(Error::wrong_thread, "attaching to a child of this process takes its main thread", EPERM);
    }
    spared_ = pid;
  }
  pid_ = last_ = pid;
  Status status = Status::ok();
  // Until a look at the threads shows none that is new.
  for (bool found_new = true; found_new && status.is_ok();) status = seize_threads(&found_new);
  if (status.is_ok()) status = open_memory();
  if (status.is_ok()) return status;
  for (TracedThread* thread : threads_) ptrace(PTRACE_DETACH, thread->id(), nullptr, thread->signal.si_signo);
  has_ended_ = true;
  return status;
}

Status TracedProcess::seize_threads(bool* found_new) {
  *found_new = false;
  char path[40];
  snprintf(path, sizeof(path), "/proc/%d/task", pid_);
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(path), closedir);
  if (!directory) return process_refused(pid_, "/proc/PID/task", errno);
  while (const dirent* entry = readdir(directory.get())) {
    const pid_t id = atoi(entry->d_name);
    if (id <= 0 || find(id) != nullptr) continue;
    if (waits_in_vfork(pid_, id)) {
      return Status::system(Error::tracee, "a process that waits in vfork for its child to be another program", EBUSY);
    }
    if (ptrace(PTRACE_SEIZE, id, nullptr, kOptions) != 0) {
      const int error_number = errno;
      pid_t parent = 0;
      if (id != pid_ && has_ended(pid_, id, &parent)) continue;
      return process_refused(pid_, "ptrace", error_number);
    }
    *found_new = true;
    TracedThread* thread;
    if (Status status = add_thread(id, &thread); !status.is_ok()) {
      ptrace(PTRACE_INTERRUPT, id, nullptr, nullptr);
      return status;
    }
    ptrace(PTRACE_INTERRUPT, id, nullptr, nullptr);
    Stop end;
    if (Status status = stop_others({}, &end); !status.is_ok()) return status;
    if (has_ended_) return Status::process_gone(pid_, "ended");
  }
  return Status::ok();
}

Status TracedProcess::open_memory() {
  char path[40];
  snprintf(path, sizeof(path), "/proc/%d/mem", pid_);
  memory_ = ScopedFd(open(path, O_RDWR | O_CLOEXEC));
  return memory_.is_open() ? Status::ok() : process_refused(pid_, "/proc/PID/mem", errno);
}

Status TracedProcess::read(uint64_t address, void* bytes, size_t count) const {
  const ssize_t got = pread(memory_.get(), bytes, count, static_cast<off_t>(address));
  if (got == static_cast<ssize_t>(count)) return Status::ok();
  // Of a process that has gone nothing is left to read.
  if (got == 0) return Status::process_gone(pid_, "has ended");
  return Status::refused(Error::address, address + static_cast<uint64_t>(got < 0 ? 0 : got), 0);
}

Status TracedProcess::write(uint64_t address, const void* bytes, size_t count) {
  has_run_ = true;
  const ssize_t put = pwrite(memory_.get(), bytes, count, static_cast<off_t>(address));
  if (put == static_cast<ssize_t>(count)) return Status::ok();
  if (put == 0) return Status::process_gone(pid_, "has ended");
  return Status::refused(Error::address, address + static_cast<uint64_t>(put < 0 ? 0 : put), 0);
}

// Zombies stay until they are taken; the first thread's comes when all others are.
void TracedProcess::kill() {
  if (pid_ == 0) return;
  if (!has_ended_) {
    has_ended_ = true;
    ::kill(pid_, SIGKILL);
    while (!take(pid_)) take_ended();
  }
  end_followers();
}

// False while it has not ended.
bool TracedProcess::take(pid_t id) const {
  constexpr int kAWhile = 50;  // microseconds
  if (Waiting::take_if_ended(id, spared_)) return true;
  usleep(kAWhile);
  return false;
}

// They cannot go on without a tracer (call_filter.h).
void TracedProcess::end_followers() {
  // One that stands has perhaps started another, of which we have not heard yet.
  for (size_t i = 0; i < followers_.size(); ++i) {
    Waiting::News news;
    if (Waiting::poll(followers_[i], 0, &news)) look_at_follower(news.thread, news.status);
  }
  for (const pid_t follower : followers_) ::kill(follower, SIGKILL);
  while (!followers_.empty()) {
    for (size_t i = followers_.size(); i-- > 0;) {
      if (take(followers_[i])) followers_.erase(i, 1);
    }
  }
}

Status TracedProcess::detach() {
  if (Status status = check(); !status.is_ok()) return status;
  if (has_filter_) {
    return Status::system(Error::tracee, "letting go of what was spawned without { detachable: true }", EPERM);
  }
  if (declarations_ != 0) {
    const uint32_t none = 0;
    static_cast<void>(write(declarations_ + offsetof(trap::Ranges, is_checked), &none, sizeof(none)));
  }
  Status result = Status::ok();
  for (TracedThread* thread : threads_) {
    if (!thread->stands()) continue;
    const Status status = let_go(*thread);
    if (!status.is_ok() && status.error() != Error::process_gone) result = status;
  }
  has_ended_ = true;
  // Those that were killed meanwhile, perhaps by the signal of the first, wait for us to take them; the first
  // thread comes last.
  for (const bool is_first : {false, true}) {
    for (const TracedThread* thread : threads_) {
      if (!thread->stands() || (thread->id() == pid_) != is_first) continue;
      while (!take(thread->id())) continue;
    }
  }
  return result;
}

// What it waits to be told: that nobody chooses any more.
Status TracedProcess::let_go(TracedThread& thread) {
  Registers* registers;
  if (Status status = thread.get_registers(&registers); !status.is_ok()) return status;
  if (thread.offer == Offer::choice) {
    registers->set_result(UINT64_MAX);
    thread.changed();
  }
  int signal = thread.offer == Offer::signal ? thread.signal.si_signo : 0;
  if (signal != 0 && thread.place != Place::signal) {
    signal_thread(pid_, thread.id(), signal);
    signal = 0;
  }
  return thread.run(PTRACE_DETACH, signal);
}

}  // namespace pagestore

#include "memory/tracee/kernel_timers.h"

#include <signal.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>

#include "linux/proc_file.h"
#include "memory/tracee/scratch.h"

namespace pagestore {

namespace {

// As the kernel writes it: signal/pid.12, none/tid.34.
int32_t notification_of(const char* kind, const char* subject) {
  int32_t notification = SIGEV_SIGNAL;
  if (strcmp(kind, "none") == 0) notification = SIGEV_NONE;
  if (strcmp(kind, "thread") == 0) notification = SIGEV_THREAD;
  return strcmp(subject, "tid") == 0 ? notification | SIGEV_THREAD_ID : notification;
}

Status refuse() {
  return Status::system(Error::tracee, "restoring a program that has deleted a timer since (timer_delete)", ENOTSUP);
}

}  // namespace

// Nothing where the kernel does not list them.
Status KernelTimers::read() {
  if (!process_.may_have_changed_timers()) return Status::ok();
  GrowingArray<char> text;
  timers_.clear();
  const Status status = read_proc_file(process_.live_thread(), "/proc/PID/timers", &text);
  if (status.error() == Error::process_gone || status.error() == Error::out_of_memory) return status;
  if (!text.append('\0')) return Status::no_memory(text.size());
  for (const char* at = strstr(text.data(), "ID: "); at != nullptr; at = strstr(at + 1, "\nID: ")) {
    Timer timer{};
    char kind[8], subject[8];
    const int found =
        sscanf(at + (*at == '\n' ? 1 : 0), "ID: %d\nsignal: %d/%" SCNx64 "\nnotify: %7[^/]/%7[^.].%d\nClockID: %d",
               &timer.number, &timer.signal, &timer.value, kind, subject, &timer.thread, &timer.clock);
    if (found != 7) continue;
    timer.notification = notification_of(kind, subject);
    if (!timers_.append(timer)) return Status::no_memory(sizeof(timer));
  }
  // The kernel lists the last one that was made first.
  std::sort(timers_.begin(), timers_.end(), [](const Timer& a, const Timer& b) { return a.number < b.number; });
  process_.mark_timers_known();
  return Status::ok();
}

const KernelTimers::Timer* KernelTimers::find(std::span<const Timer> timers, const Timer& timer) {
  const auto found = std::find_if(timers.begin(), timers.end(),
                                  [&](const Timer& each) { return memcmp(&each, &timer, sizeof(each)) == 0; });
  return found != timers.end() ? &*found : nullptr;
}

Status KernelTimers::read_saved(std::span<const std::byte> bytes, Timers* timers) {
  if (!timers->resize(bytes.size() / sizeof(Timer))) return Status::no_memory(bytes.size());
  if (!bytes.empty()) memcpy(timers->data(), bytes.data(), timers->size() * sizeof(Timer));
  return Status::ok();
}

Status KernelTimers::save(GrowingArray<std::byte>* bytes) {
  if (Status status = read(); !status.is_ok()) return status;
  const std::span<const Timer> all(timers_.data(), timers_.size());
  return bytes->append(std::as_bytes(all)) ? Status::ok() : Status::no_memory(all.size_bytes());
}

// PR_TIMER_CREATE_RESTORE_IDS
Status KernelTimers::keep_numbers(bool keeps, int64_t* result) {
  constexpr uint64_t kKeepNumbers = 77;
  return process_.call({SYS_prctl, {kKeepNumbers, keeps ? 1U : 0U}}, result);
}

Status KernelTimers::check(std::span<const std::byte> bytes, RemoteAddress scratch, bool* is_same) {
  Timers wanted;
  *is_same = false;
  if (Status status = read(); !status.is_ok()) return status;
  if (Status status = read_saved(bytes, &wanted); !status.is_ok()) return status;
  const std::span<const Timer> now(timers_.data(), timers_.size());
  const bool has_all =
      std::all_of(wanted.begin(), wanted.end(), [&](const Timer& each) { return find(now, each) != nullptr; });
  *is_same = has_all && wanted.size() == now.size();
  if (has_all) return Status::ok();
  int64_t kept = 0, ended = 0;
  if (scratch.is_null()) return refuse();
  if (Status status = keep_numbers(true, &kept); !status.is_ok()) return status;
  if (kept != 0) return refuse();
  return keep_numbers(false, &ended);
}

Status KernelTimers::make_again(const Timer& timer, RemoteAddress scratch) {
  struct {
    sigevent event{};
    int32_t number = 0;
  } arguments;
  arguments.event.sigev_notify = timer.notification;
  arguments.event.sigev_signo = timer.signal;
  arguments.event.sigev_value.sival_ptr = reinterpret_cast<void*>(timer.value);
  if ((timer.notification & SIGEV_THREAD_ID) != 0) arguments.event._sigev_un._tid = timer.thread;
  arguments.number = timer.number;
  const SystemCall call{SYS_timer_create,
                        {static_cast<uint64_t>(timer.clock), scratch.value(), scratch.value() + sizeof(sigevent)}};
  int64_t result = 0;
  Status status = call_with_bytes(process_, {scratch}, call, std::as_writable_bytes(std::span(&arguments, 1)), &result);
  if (!status.is_ok() || result == 0) return status;
  return Status::system(Error::tracee, "making a timer again (timer_create)", static_cast<int>(-result));
}

Status KernelTimers::restore(std::span<const std::byte> bytes, RemoteAddress scratch) {
  Timers wanted;
  int64_t result = 0;
  if (Status status = read(); !status.is_ok()) return status;
  if (Status status = read_saved(bytes, &wanted); !status.is_ok()) return status;
  const std::span<const Timer> now(timers_.data(), timers_.size()), then(wanted.data(), wanted.size());
  bool is_same = true;
  for (const Timer& timer : now) {
    if (find(then, timer) != nullptr) continue;
    is_same = false;
    const Status status = process_.call({SYS_timer_delete, {static_cast<uint64_t>(timer.number)}}, &result);
    if (!status.is_ok()) return status;
  }
  const bool has_all =
      std::all_of(then.begin(), then.end(), [&](const Timer& each) { return find(now, each) != nullptr; });
  if (!has_all) {
    if (Status status = keep_numbers(true, &result); !status.is_ok()) return status;
    Status made = Status::ok();
    for (const Timer& timer : then) {
      if (made.is_ok() && find(now, timer) == nullptr) made = make_again(timer, scratch);
    }
    if (Status status = keep_numbers(false, &result); !status.is_ok()) return status;
    if (!made.is_ok()) return made;
  }
  if (!is_same || !has_all) process_.mark_timers_changed();
  return Status::ok();
}

}  // namespace pagestore

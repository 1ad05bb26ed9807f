#include "memory/tracee/kernel_timers.h"

#include <signal.h>
#include <sys/syscall.h>
#include <time.h>

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
  const auto end =
      std::remove_if(hidden_.begin(), hidden_.end(), [&](const Timer& each) { return find(timers_, each) == nullptr; });
  static_cast<void>(hidden_.resize(static_cast<size_t>(end - hidden_.begin())));
  return Status::ok();
}

const KernelTimers::Timer* KernelTimers::find(const Timers& timers, const Timer& timer) {
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
  for (const Timer& timer : timers_) {
    if (find(hidden_, timer) != nullptr) continue;
    if (!bytes->append(std::as_bytes(std::span(&timer, 1)))) return Status::no_memory(sizeof(timer));
  }
  return Status::ok();
}

bool KernelTimers::has_all(const Timers& wanted) const {
  return std::all_of(wanted.begin(), wanted.end(), [&](const Timer& each) { return find(timers_, each) != nullptr; });
}

bool KernelTimers::is_at(const Timers& wanted) const {
  const bool shows_more = std::any_of(timers_.begin(), timers_.end(), [&](const Timer& each) {
    return find(wanted, each) == nullptr && find(hidden_, each) == nullptr;
  });
  const bool hides_one =
      std::any_of(wanted.begin(), wanted.end(), [&](const Timer& each) { return find(hidden_, each) != nullptr; });
  return has_all(wanted) && !shows_more && !hides_one;
}

// `is_kept`: the kernel will make timers with the numbers that they shall have.
Status KernelTimers::keep_numbers(bool keeps, bool* is_kept) {
  constexpr uint64_t kKeepNumbers = 77;  // PR_TIMER_CREATE_RESTORE_IDS
  int64_t result = 0;
  const Status status = process_.call({SYS_prctl, {kKeepNumbers, keeps ? 1U : 0U}}, &result);
  *is_kept = keeps && result == 0;
  return status;
}

Status KernelTimers::check(std::span<const std::byte> bytes, RemoteAddress scratch, bool* is_same) {
  Timers wanted;
  *is_same = false;
  if (Status status = read(); !status.is_ok()) return status;
  if (Status status = read_saved(bytes, &wanted); !status.is_ok()) return status;
  *is_same = is_at(wanted);
  if (allows_losses_ || has_all(wanted)) return Status::ok();
  bool is_kept = false;
  if (scratch.is_null()) return refuse();
  if (Status status = keep_numbers(true, &is_kept); !status.is_ok()) return status;
  return is_kept ? keep_numbers(false, &is_kept) : refuse();
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

// A signal of the timer that waits goes with it. Without a place for the time that it shall be stopped with, it is
// deleted in any case.
Status KernelTimers::take_away(const Timer& timer, bool can_come_back, RemoteAddress scratch) {
  const auto number = static_cast<uint64_t>(timer.number);
  int64_t result = 0;
  if (can_come_back || scratch.is_null()) return process_.call({SYS_timer_delete, {number}}, &result);
  itimerspec never{};
  return call_with_bytes(process_, {scratch}, {SYS_timer_settime, {number, 0, scratch.value(), 0}},
                         std::as_writable_bytes(std::span(&never, 1)), &result);
}

Status KernelTimers::hide_all_but(const Timers& wanted) {
  hidden_.clear();
  for (const Timer& timer : timers_) {
    if (find(wanted, timer) == nullptr && !hidden_.append(timer)) return Status::no_memory(sizeof(timer));
  }
  return Status::ok();
}

Status KernelTimers::restore(std::span<const std::byte> bytes, RemoteAddress scratch) {
  Timers wanted;
  if (Status status = read(); !status.is_ok()) return status;
  if (Status status = read_saved(bytes, &wanted); !status.is_ok()) return status;
  if (is_at(wanted)) return Status::ok();
  bool is_kept = false;
  if (Status status = keep_numbers(true, &is_kept); !status.is_ok()) return status;
  process_.mark_timers_changed();
  Status status = Status::ok();
  for (const Timer& timer : timers_) {
    if (status.is_ok() && find(wanted, timer) == nullptr) status = take_away(timer, is_kept, scratch);
  }
  for (const Timer& timer : wanted) {
    const bool is_lost = !is_kept || scratch.is_null();
    if (status.is_ok() && !is_lost && find(timers_, timer) == nullptr) status = make_again(timer, scratch);
  }
  if (status.is_ok()) status = hide_all_but(wanted);
  if (!is_kept) return status;
  const Status ended = keep_numbers(false, &is_kept);
  return status.is_ok() ? ended : status;
}

// In another run the kernel gives the threads other ids. A clock of a thread or a process has its id in it, above what
// kind of clock it is. Numbers count: by them a program tells alike timers from one another.
Status KernelTimers::append_key(const TracedProcess& process, std::span<const std::byte> bytes,
                                GrowingArray<std::byte>* key) {
  constexpr int32_t kKindOfClock = 7;
  Timers timers;
  if (Status status = read_saved(bytes, &timers); !status.is_ok()) return status;
  const auto threads = process.threads();
  for (Timer& timer : timers) {
    const auto thread = std::find_if(threads.begin(), threads.end(),
                                     [&](const TracedThread* each) { return each->id() == timer.thread; });
    timer.thread = static_cast<int32_t>(thread - threads.begin());
    if (timer.clock < 0) timer.clock = -1 - (timer.clock & kKindOfClock);
  }
  const std::span<const Timer> all(timers.data(), timers.size());
  return key->append(std::as_bytes(all)) ? Status::ok() : Status::no_memory(all.size_bytes());
}

}  // namespace pagestore

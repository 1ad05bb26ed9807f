#include "ptrace/observed_waits.h"

#include <algorithm>
#include <cstring>

#include "linux/remote_socket.h"
#include "ptrace/register_cache.h"
#include "system/monotonic_clock.h"

namespace pagestore {

namespace {

SystemCall call_of(const Registers& registers) {
  return registers.is_in_call() ? registers.call() : registers.next_call();
}

bool is_of_socket(const WaitLimit& limit) {
  return limit.form == LimitForm::received || limit.form == LimitForm::sent;
}

}  // namespace

ObservedWaits::Wait* ObservedWaits::find(pid_t thread) {
  for (Wait& wait : waits_) {
    if (wait.thread == thread) return &wait;
  }
  return nullptr;
}

void ObservedWaits::remove(pid_t thread) {
  for (size_t i = waits_.size(); i-- > 0;) {
    if (waits_[i].thread == thread) waits_.erase(i, 1);
  }
}

// A wait of a socket is the same if the thread fell asleep once since, in the same call; see `before_release`.
bool ObservedWaits::is_in(const Wait& wait, const ThreadSleep& sleep, const Registers& registers) const {
  return is_of_socket(wait.limit) && sleep.schedule && sleep.schedule->sleeps == wait.sleeps + 1 &&
         memcmp(&wait.registers, &registers, sizeof(registers)) == 0;
}

void ObservedWaits::on_stop(pid_t pid, pid_t thread, const ThreadSleep& sleep) {
  RegisterCache cache(thread);
  Registers* registers;
  Wait* known = find(thread);
  const bool is_made_again = cache.get(&registers).is_ok() && make_again(sleep, registers);
  if (!is_made_again) {
    if (known != nullptr) put_back(memory_, known->shortened);
    remove(thread);
    return;
  }
  cache.mark_dirty();
  if (pid_ != pid && memory_.open(pid).is_ok()) pid_ = pid;
  const auto limit = find_wait_limit(pid, memory_, call_of(*registers));
  const int64_t now = monotonic_nanoseconds();
  const auto schedule = limit ? read_schedule(pid, thread) : std::nullopt;
  if (limit && schedule) {
    // It may have slept in another call.
    const bool is_same = sleep.call && sleep.schedule && sleep.call->number == call_of(*registers).number &&
                         sleep.call->stack.value() == registers->stack();
    const int64_t waited = is_same ? time_asleep(*sleep.schedule, *schedule).value_or(0) : 0;
    Wait wait{thread, *registers, *limit, now + std::max<int64_t>(limit->nanoseconds - waited, 0), schedule->sleeps};
    if (known != nullptr && is_in(*known, sleep, *registers)) wait.end = known->end;
    // Its argument points to what we wrote: it becomes what it was.
    if (known != nullptr) put_back(memory_, known->shortened);
    const bool is_ours = known != nullptr && !known->shortened.address.is_null() &&
                         call_of(*registers).arguments[limit->argument] == known->shortened.address.value();
    if (is_ours) registers->set_argument(limit->argument, known->shortened.argument);
    wait.registers = *registers;
    remove(thread);
    static_cast<void>(waits_.append(wait));
  } else {
    remove(thread);
  }
  static_cast<void>(cache.flush(true));
}

void ObservedWaits::before_release(pid_t pid, pid_t thread) {
  Wait* wait = find(thread);
  RegisterCache cache(thread);
  Registers* registers;
  if (wait == nullptr || !cache.get(&registers).is_ok()) return;
  const int64_t left = std::max<int64_t>(wait->end - monotonic_nanoseconds(), 0);
  if (!is_of_socket(wait->limit)) {
    if (shorten_wait(memory_, wait->limit, left, registers, &wait->shortened)) cache.mark_dirty();
  } else if (left == 0 && registers->is_in_call()) {
    registers->set_result(static_cast<uint64_t>(wait->limit.result));
    registers->cancel_call();
    cache.mark_dirty();
    remove(thread);
  } else {
    const SocketUse use = wait->limit.form == LimitForm::received ? SocketUse::receive : SocketUse::send;
    // The call will not wait, and the next one may be just the same.
    if (is_ready(pid, static_cast<int>(call_of(*registers).arguments[0]), use)) remove(thread);
  }
  static_cast<void>(cache.flush(true));
}

void ObservedWaits::on_release() {
  for (size_t i = waits_.size(); i-- > 0;) {
    if (!waits_[i].is_stopped) {
      waits_.erase(i, 1);
    } else {
      waits_[i].is_stopped = false;
    }
  }
}

}  // namespace pagestore

#include "ptrace/clock_calls.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>

#include "linux/thread_status.h"
#include "linux/user_memory.h"
#include "ptrace/alarm_calls.h"
#include "ptrace/answered_calls.h"
#include "ptrace/clock_reads.h"
#include "ptrace/requests.h"
#include "ptrace/threads_at_rest.h"
#include "ptrace/time_stamp_counter.h"
#include "system/assert.h"

namespace pagestore {

namespace {

using Form = LimitForm;

// No clock comes so far.
constexpr int64_t kFarSeconds = INT64_MAX / 4;

// Of a sleep that lasts for a time: where the kernel writes what is left when a handler ends it.
std::optional<size_t> rest_argument(const SystemCall& call, const WaitKind& kind) {
  if (!kind.is_sleep || kind.is_moment) return {};
  return call.number == SYS_nanosleep ? 1 : 3;
}

std::array<int64_t, 2> parts_of(int64_t time, Form form) {
  constexpr int64_t kMicrosecond = 1000;
  std::array<int64_t, 2> parts = {time / KeptClock::kSecond, time % KeptClock::kSecond};
  if (form == Form::timeval) parts[1] /= kMicrosecond;
  return parts;
}

// Puts a limit of ours where the kernel finds it, and notes what was there: below the stack, where signal handlers
// would run, else in the place of the program's own limit.
bool lay_limit(pid_t thread, uint64_t stack, const std::array<int64_t, 2>& limit, ClockWait* wait) {
  constexpr uint64_t kAlignment = 16;
  const RemoteAddress below((stack - Registers::kRedZone - sizeof(limit)) / kAlignment * kAlignment);
  for (const RemoteAddress address : {below, RemoteAddress(wait->call.arguments[wait->limit.kind.argument])}) {
    if (!read_as_user(thread, address, wait->below.data(), sizeof(wait->below))) continue;
    if (!write_as_user(thread, address, limit.data(), sizeof(limit))) continue;
    wait->scratch = address;
    return true;
  }
  return false;
}

// A call that a signal or a tracer interrupted. Those calls that the kernel does not make again by itself say so as to
// the program.
bool is_to_be_made_again(int64_t result) {
  return result == -EINTR || is_restart(result);
}

// How the kernel would have ended the call with the limit that the program gave: a handler ends it, but for a few calls
// that are made again after a handler that wants that.
int64_t restart_of(const SystemCall& call, int64_t result) {
  const bool is_restarted = result == kRestartNoIntr || (result == kRestartSys && call.number != SYS_futex);
  return is_restarted ? result : kRestartNoHand;
}

// The kernel is to say at once whether the wait is over, or else to wait for ever.
Status set_limit(TracedThread& thread, bool is_at_once) {
  ClockWait& wait = *thread.clock_wait();
  const WaitKind& kind = wait.limit.kind;
  Registers* registers;
  if (Status status = thread.get_registers(&registers); !status.is_ok()) return status;
  uint64_t argument = 0;
  if (kind.form == Form::milliseconds) {
    argument = is_at_once ? 0 : UINT32_MAX;
  } else if (is_at_once || kind.is_sleep) {
    const std::array<int64_t, 2> limit = {is_at_once ? 0 : kFarSeconds, 0};
    if (!lay_limit(thread.id(), registers->stack(), limit, &wait)) return Status::ok();
    argument = wait.scratch.value();
  }
  registers->set_argument(kind.argument, argument);
  if (const auto rest = rest_argument(wait.call, kind)) registers->set_argument(*rest, 0);
  thread.mark_registers_dirty();
  return Status::ok();
}

// The kernel does not make the call, so that the filter does not stop the thread for it either.
Status answer(const ProcessTraits& traits, TracedThread& thread, int64_t result) {
  Registers* registers;
  if (Status status = thread.get_registers(&registers); !status.is_ok()) return status;
  thread.set_entered_call(activity::EnteredCall{registers->call().number, false});
  return answer_call(traits, thread, result);
}

}  // namespace

SystemCallSet clock_calls() {
  SystemCallSet calls;
  add_clock_reads(&calls);
  add_alarm_calls(&calls);
  add_waits(&calls);
  return calls;
}

// The kernel says that a thread has ended only after others could see that.
bool ClockCalls::is_alone(const TracedThread& thread) const {
  if (!parts_.followers.all().empty()) return false;
  const auto threads = parts_.threads.all();
  return std::all_of(threads.begin(), threads.end(), [&](const TracedThread* each) {
    return each == &thread || each->has_ended() || read_thread_status(parts_.traits.pid, each->id()).has_ended;
  });
}

Status ClockCalls::prepare(TracedThread& thread) {
  // A wait that the kernel has stopped once more on its way in is prepared already.
  const bool is_prepared = thread.waits_by_clock() || (thread.has_entered_call() && thread.entered_call()->answer);
  if (!parts_.traits.keeps_clock || !thread.has_entered_call() || is_prepared) return Status::ok();
  Registers* registers;
  if (Status status = thread.get_registers(&registers); !status.is_ok()) return status;
  const SystemCall call = registers->call();
  std::optional<int64_t> result = answer_clock_read({parts_.traits.pid, thread.id(), parts_.clock}, call);
  if (!result) result = answer_alarm_call(thread.id(), call, &parts_.clock);
  if (!result) result = answer_counter_call(thread, call);
  if (result) return answer(parts_.traits, thread, *result);
  const std::optional<ClockLimit> limit = find_clock_limit(thread.id(), parts_.clock, call);
  if (limit) return begin_wait(thread, call, *limit);
  thread.clock_wait().reset();
  return Status::ok();
}

Status ClockCalls::begin_wait(TracedThread& thread, const SystemCall& call, const ClockLimit& asked) {
  std::optional<ClockWait>& wait = thread.clock_wait();
  // The kernel may have written what was left over the limit.
  const bool goes_on = wait && wait->call.number == call.number && wait->call.arguments == call.arguments;
  if (!goes_on) wait.emplace(call, asked, waits_begun_++);
  const ClockLimit& limit = wait->limit;
  if (limit.end == KeptClock::kNever) {
    wait.reset();
    return Status::ok();
  }
  const int64_t left = std::max<int64_t>(limit.end - parts_.clock.elapsed(), 0);
  const bool rings_before = parts_.clock.alarm().is_set() && parts_.clock.alarm().end <= limit.end;
  const bool ends_at_once = (goes_on ? wait->is_over : left == 0) || (is_alone(thread) && !rings_before);
  if (limit.kind.is_sleep && ends_at_once) {
    parts_.clock.advance_to(limit.end);
    wait.reset();
    return answer(parts_.traits, thread, 0);
  }
  const int64_t now = monotonic_nanoseconds();
  if (!goes_on || wait->began < step_began_) wait->began = now;
  if (wait->real_end == 0) wait->real_end = std::min(now, INT64_MAX - left) + left;
  wait->is_in_kernel = true;
  wait->asks_at_once = ends_at_once;
  // The program's own limit does where it says the same.
  if (left == 0 && !goes_on && !limit.kind.is_moment) return Status::ok();
  return set_limit(thread, ends_at_once);
}

// As the kernel does, which does not mind where it cannot.
void ClockCalls::write_rest(TracedThread& thread) const {
  const ClockWait& wait = *thread.clock_wait();
  const WaitKind& kind = wait.limit.kind;
  const auto argument = kind.gets_rest ? std::optional<size_t>(kind.argument) : rest_argument(wait.call, kind);
  if (!argument || wait.call.arguments[*argument] == 0) return;
  const auto rest = parts_of(std::max<int64_t>(wait.limit.end - parts_.clock.elapsed(), 0), kind.form);
  write_as_user(thread.id(), RemoteAddress(wait.call.arguments[*argument]), rest.data(), sizeof(rest));
}

Status ClockCalls::finish(TracedThread& thread) {
  std::optional<ClockWait>& wait = thread.clock_wait();
  PS_ASSERT(thread.waits_by_clock());
  wait->is_in_kernel = false;
  Registers* registers;
  if (Status status = thread.get_registers(&registers); !status.is_ok()) return status;
  if (!wait->scratch.is_null()) {
    write_as_user(thread.id(), wait->scratch, wait->below.data(), sizeof(wait->below));
    wait->scratch = {};
  }
  const SystemCall& call = wait->call;
  for (const auto argument :
       {std::optional<size_t>(wait->limit.kind.argument), rest_argument(call, wait->limit.kind)}) {
    if (argument) registers->put_back_argument(*argument, call.arguments[*argument]);
  }
  thread.mark_registers_dirty();
  if (is_to_be_made_again(registers->result())) {
    registers->set_result(static_cast<uint64_t>(restart_of(call, registers->result())));
    return Status::ok();
  }
  if (wait->asks_at_once && has_expired(thread.id(), call, registers->result())) {
    parts_.clock.advance_to(wait->limit.end);
  }
  if (wait->limit.kind.gets_rest) write_rest(thread);
  wait.reset();
  return Status::ok();
}

void ClockCalls::before_signal(TracedThread& thread, int signal) {
  if (!thread.clock_wait() || !is_caught(parts_.traits.pid, signal)) return;
  write_rest(thread);
  thread.clock_wait().reset();
}

// Of the wait that ends first, unless the alarm goes off before.
ClockCalls::NextPass ClockCalls::next() const {
  NextPass next;
  for (TracedThread* thread : parts_.threads.all()) {
    if (!thread->is_running() || !thread->waits_by_clock()) continue;
    const ClockWait& wait = *thread->clock_wait();
    // What passed last is not quite over.
    if (wait.is_over || wait.asks_at_once) return {};
    if (next.thread == nullptr || wait.is_before(*next.thread->clock_wait())) next.thread = thread;
  }
  const KeptAlarm& alarm = parts_.clock.alarm();
  if (next.thread != nullptr) {
    const ClockWait& wait = *next.thread->clock_wait();
    next = {wait.limit.end, wait.real_end, wait.began, next.thread};
  }
  if (alarm.is_set() && (next.thread == nullptr || alarm.end <= next.end)) {
    next = {alarm.end, parts_.clock.alarm_real_end(),
            parts_.clock.alarm_real_end() - (alarm.end - parts_.clock.elapsed()), nullptr};
  }
  return next;
}

int64_t ClockCalls::next_pass(bool is_paced) const {
  const NextPass next = this->next();
  if (next.end == KeptClock::kNever) return INT64_MAX;
  return keeps_real_time(is_paced) ? next.real_end : 0;
}

void ClockCalls::ring() {
  KeptAlarm alarm = parts_.clock.alarm();
  alarm.end = alarm.interval == 0 ? 0 : alarm.end + alarm.interval;
  parts_.clock.set_alarm(alarm, monotonic_nanoseconds());
  send_alarm(parts_.traits.pid);
}

pid_t ClockCalls::pass_time(bool is_paced) {
  constexpr int64_t kPatience = KeptClock::kSecond;
  const NextPass next = this->next();
  if (next.end == KeptClock::kNever) return 0;
  const int64_t now = monotonic_nanoseconds();
  if (now < next.real_end && keeps_real_time(is_paced)) return 0;
  const pid_t restless = find_restless(parts_.traits.pid, parts_.threads);
  if (restless != 0 && now < std::max(next.real_end, next.began + kPatience)) return 0;
  parts_.clock.advance_to(next.end);
  if (next.thread == nullptr) {
    ring();
  } else {
    next.thread->clock_wait()->is_over = true;
    interrupt_thread(next.thread->id());
  }
  return restless;
}

}  // namespace pagestore

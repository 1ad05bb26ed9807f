#include "ptrace/clock_calls.h"

#include <algorithm>
#include <cerrno>

#include "linux/thread_status.h"
#include "linux/user_memory.h"
#include "ptrace/clock_reads.h"
#include "ptrace/time_stamp_counter.h"
#include "system/assert.h"
#include "system/monotonic_clock.h"

namespace pagestore {

namespace {

using Form = ClockLimit::Form;

int64_t system_time(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return now.tv_sec * KeptClock::kSecond + now.tv_nsec;
}

// Puts a limit of ours where the kernel finds it, and notes what was there: below the stack, where signal handlers
// would run, else in the place of the program's own limit.
bool lay_limit(pid_t thread, uint64_t stack, const std::array<int64_t, 2>& limit, ClockWait* wait) {
  constexpr uint64_t kAlignment = 16;
  const RemoteAddress below((stack - Registers::kRedZone - sizeof(limit)) / kAlignment * kAlignment);
  for (const RemoteAddress address : {below, RemoteAddress(wait->call.arguments[wait->limit.argument])}) {
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

// The kernel's limit passes in so many nanoseconds.
Status set_limit(TracedThread& thread, int64_t left) {
  constexpr int64_t kMillisecond = 1'000'000, kMicrosecond = 1000;
  ClockWait& wait = *thread.clock_wait();
  Registers* registers;
  if (Status status = thread.get_registers(&registers); !status.is_ok()) return status;
  uint64_t argument;
  if (wait.limit.form == Form::milliseconds) {
    argument = static_cast<uint64_t>(std::min<int64_t>(left / kMillisecond + (left % kMillisecond != 0), INT32_MAX));
  } else {
    int64_t time = left;
    if (wait.limit.form == Form::deadline)
      time = left == 0 ? 0 : std::min(system_time(wait.limit.clock), INT64_MAX - left) + left;
    std::array<int64_t, 2> parts = {time / KeptClock::kSecond, time % KeptClock::kSecond};
    if (wait.limit.form == Form::short_duration) parts[1] = (parts[1] + kMicrosecond - 1) / kMicrosecond;
    if (!lay_limit(thread.id(), registers->stack(), parts, &wait)) return Status::ok();
    argument = wait.scratch.value();
  }
  registers->set_argument(wait.limit.argument, argument);
  thread.mark_registers_dirty();
  return Status::ok();
}

// The kernel does not make the call, so that the filter does not stop the thread for it either.
Status answer(TracedThread& thread, int64_t result) {
  Registers* registers;
  if (Status status = thread.get_registers(&registers); !status.is_ok()) return status;
  thread.set_entered_call(activity::EnteredCall{registers->call().number, false});
  registers->cancel_call();
  registers->set_result(static_cast<uint64_t>(result));
  thread.mark_registers_dirty();
  return Status::ok();
}

}  // namespace

SystemCallSet clock_calls() {
  SystemCallSet calls;
  add_clock_reads(&calls);
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
  if (!parts_.traits.keeps_clock || !thread.has_entered_call() || thread.waits_by_clock()) return Status::ok();
  Registers* registers;
  if (Status status = thread.get_registers(&registers); !status.is_ok()) return status;
  const SystemCall call = registers->call();
  std::optional<int64_t> result = answer_clock_read({parts_.traits.pid, thread.id(), parts_.clock}, call);
  if (!result) result = answer_counter_call(thread, call);
  if (result) return answer(thread, *result);
  const std::optional<ClockLimit> limit = find_clock_limit(thread.id(), parts_.clock, call);
  if (limit) return begin_wait(thread, call, *limit);
  thread.clock_wait().reset();
  return Status::ok();
}

Status ClockCalls::begin_wait(TracedThread& thread, const SystemCall& call, const ClockLimit& asked) {
  std::optional<ClockWait>& wait = thread.clock_wait();
  // The kernel may have written what was left over the limit.
  const bool goes_on = wait && wait->call.number == call.number && wait->call.arguments == call.arguments;
  const ClockLimit limit = goes_on ? wait->limit : asked;
  const int64_t left = std::max<int64_t>(limit.end - parts_.clock.elapsed(), 0);
  const bool is_endless = limit.end == KeptClock::kNever, ends_at_once = is_alone(thread) && !is_endless;
  if (limit.is_sleep && ends_at_once) {
    parts_.clock.advance_to(limit.end);
    return answer(thread, 0);
  }
  if (!goes_on) {
    const int64_t now = monotonic_nanoseconds();
    wait = ClockWait{call, limit, is_endless ? INT64_MAX : now + left, false, {}, {}};
  }
  wait->is_in_kernel = true;
  if (ends_at_once) return left == 0 && limit.form != Form::deadline ? Status::ok() : set_limit(thread, 0);
  // The kernel's own limit does, unless it is one of our clock's, or part of it has passed already.
  if (!goes_on && limit.form != Form::deadline) return Status::ok();
  return set_limit(thread, std::max<int64_t>(wait->real_end - monotonic_nanoseconds(), 0));
}

Status ClockCalls::finish(TracedThread& thread) {
  std::optional<ClockWait>& wait = thread.clock_wait();
  PS_ASSERT(thread.waits_by_clock());
  wait->is_in_kernel = false;
  Registers* registers;
  if (Status status = thread.get_registers(&registers); !status.is_ok()) return status;
  const uint64_t argument = wait->call.arguments[wait->limit.argument];
  const bool is_elsewhere = !wait->scratch.is_null();
  if (is_elsewhere) write_as_user(thread.id(), wait->scratch, wait->below.data(), sizeof(wait->below));
  wait->scratch = {};
  registers->put_back_argument(wait->limit.argument, argument);
  thread.mark_registers_dirty();
  if (is_to_be_made_again(registers->result())) {
    registers->set_result(static_cast<uint64_t>(kRestartNoHand));
    return Status::ok();
  }
  if (has_expired(thread.id(), wait->call, registers->result())) {
    parts_.clock.advance_to(wait->limit.end);
    // The kernel wrote what is left to another place. Where it cannot, it does not mind.
    const std::array<int64_t, 2> none{};
    if (wait->limit.gets_rest && is_elsewhere)
      write_as_user(thread.id(), RemoteAddress(argument), none.data(), sizeof(none));
  }
  wait.reset();
  return Status::ok();
}

}  // namespace pagestore

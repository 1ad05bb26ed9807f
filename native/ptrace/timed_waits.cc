#include "ptrace/timed_waits.h"

#include <sys/ptrace.h>

#include <algorithm>
#include <cerrno>

#include "ptrace/hidden_call.h"
#include "ptrace/requests.h"
#include "ptrace/shortened_wait.h"
#include "ptrace/wait_limits.h"

namespace pagestore {

namespace {

// What it costs to find out when a wait began is not worth the time that the program ran.
constexpr int64_t kShortRun = 2'000'000;

// Whether the thread is in that wait, or about to make its call again.
bool is_in(const TimedWait& wait, Registers& registers) {
  if (registers.stack() != wait.stack.value()) return false;
  const uint64_t behind = wait.instruction.value(), here = registers.instruction_pointer();
  if (here == behind - Registers::kCall.size()) return true;
  if (here != behind || !is_interrupted(registers)) return false;
  const int64_t number = registers.call().number;
  return number == Registers::kRestartCall || (number == wait.call.number && !(wait.is_kept && wait.is_unseen));
}

}  // namespace

void TimedWaits::before_interrupt(TracedThread& thread) const {
  thread.sleep() = {};
  const auto call = thread.call_before();
  const bool is_known = (call && call->began != 0) || (thread.wait() && thread.wait()->is_made_again) ||
                        monotonic_nanoseconds() - run_began_ < kShortRun;
  if (!is_known || Registers::kHidesCalls) thread.sleep() = read_sleep(traits_.pid, thread.id());
}

void TimedWaits::on_interrupt(TracedThread& thread) const {
  reveal_call(thread, memory_);
  settle(thread, 0);
}

void TimedWaits::settle(TracedThread& thread, int64_t began) const {
  Registers* registers;
  auto& wait = thread.wait();
  if (!thread.get_registers(&registers).is_ok()) return;
  const int64_t result = registers->result();
  if (make_again(thread.sleep(), registers)) {
    thread.mark_registers_dirty();
    // Should we end now, the program shall not see the interruption.
    if (traits_.outlives_us) static_cast<void>(thread.flush_registers());
  }
  if (wait && is_in(*wait, *registers)) {
    wait->is_made_again = false;
    wait->left = std::max<int64_t>(wait->end - monotonic_nanoseconds(), 0);
    return;
  }
  wait.reset();
  if (is_interrupted(*registers) && (result == -EINTR || result == kRestartBlock)) note(thread, *registers, began);
}

// A call that began at an unknown moment counts from now, but for the time that its thread was seen to sleep.
void TimedWaits::note(TracedThread& thread, const Registers& registers, int64_t began) const {
  const SystemCall call = registers.call();
  const auto limit = find_wait_limit(traits_.pid, memory_, call);
  if (!limit) return;
  const int64_t now = monotonic_nanoseconds();
  const int64_t waited = began != 0 ? now - began : time_waited(traits_.pid, thread.id(), thread.sleep(), registers);
  TimedWait wait;
  wait.call = call;
  Registers copy = registers;
  wait.instruction = RemoteAddress(copy.instruction_pointer());
  wait.stack = RemoteAddress(registers.stack());
  wait.left = std::max<int64_t>(limit->nanoseconds - std::min(waited, now - run_began_), 0);
  wait.end = now + wait.left;
  wait.result = limit->result;
  wait.is_kept = registers.result() == kRestartBlock;
  thread.wait() = wait;
}

void TimedWaits::on_entry(TracedThread& thread, const SystemCall& call) const {
  auto& wait = thread.wait();
  Registers* registers;
  if (!wait || !thread.get_registers(&registers).is_ok()) return;
  const bool is_same = registers->instruction_pointer() == wait->instruction.value() &&
                       registers->stack() == wait->stack.value() &&
                       (call.number == Registers::kRestartCall || (call.number == wait->call.number && !wait->is_kept));
  if (!is_same) {
    wait.reset();
  } else if (!wait->is_kept) {
    wait->is_made_again = true;
  }
}

void TimedWaits::on_exit(TracedThread& thread, int64_t result, int64_t began) const {
  auto& wait = thread.wait();
  Registers* registers;
  if ((result != -EINTR && !is_restart(result)) || !thread.get_registers(&registers).is_ok()) {
    wait.reset();
    return;
  }
  const bool is_over = wait && wait->is_made_again && wait->end <= monotonic_nanoseconds();
  if (is_over) {
    registers->set_result(static_cast<uint64_t>(wait->result));
    thread.mark_registers_dirty();
    wait.reset();
    return;
  }
  settle(thread, began);
}

void TimedWaits::before_release(TracedThread& thread) const {
  Registers* registers;
  const auto& wait = thread.wait();
  if (!wait || wait->is_kept || !thread.get_registers(&registers).is_ok() || !is_in(*wait, *registers)) return;
  const auto limit = find_wait_limit(traits_.pid, memory_, wait->call);
  const int64_t left = std::max<int64_t>(wait->end - monotonic_nanoseconds(), 0);
  ShortenedWait shortened;
  if (limit && shorten_wait(memory_, *limit, left, registers, &shortened)) thread.mark_registers_dirty();
}

void TimedWaits::on_restore(TracedThread& thread, int64_t left) const {
  Registers* registers;
  if (!thread.get_registers(&registers).is_ok()) return;
  const bool is_in_call = registers->is_in_call();
  TimedWait wait;
  wait.call = is_in_call ? registers->call() : registers->next_call();
  const auto limit = find_wait_limit(traits_.pid, memory_, wait.call);
  if (!limit) return;
  wait.instruction = RemoteAddress(registers->instruction_pointer() + (is_in_call ? 0 : Registers::kCall.size()));
  wait.stack = RemoteAddress(registers->stack());
  wait.left = std::min(left, limit->nanoseconds);
  wait.end = monotonic_nanoseconds() + wait.left;
  wait.result = limit->result;
  thread.wait() = wait;
}

int64_t TimedWaits::next_end(std::span<TracedThread* const> threads) {
  int64_t end = INT64_MAX;
  for (const TracedThread* thread : threads) {
    const auto& wait = thread->wait();
    if (wait && wait->is_made_again && !wait->is_ending && thread->is_running()) end = std::min(end, wait->end);
  }
  return end;
}

void TimedWaits::end_overdue(std::span<TracedThread* const> threads) {
  const int64_t now = monotonic_nanoseconds();
  for (TracedThread* thread : threads) {
    auto& wait = thread->wait();
    if (!wait || !wait->is_made_again || wait->is_ending || !thread->is_running() || wait->end > now) continue;
    wait->is_ending = true;
    interrupt_thread(thread->id());
  }
}

}  // namespace pagestore

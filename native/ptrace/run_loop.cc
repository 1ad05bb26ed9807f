#include "ptrace/run_loop.h"

#include <sys/ptrace.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "ptrace/answered_calls.h"
#include "ptrace/breakpoints/step_over.h"
#include "ptrace/call_return.h"
#include "ptrace/hidden_register.h"
#include "ptrace/requests.h"
#include "ptrace/signal_delivery.h"
#include "ptrace/system_call_filter.h"
#include "ptrace/threads_at_rest.h"
#include "system/assert.h"
#include "system/old_glibc.h"

namespace pagestore {

namespace {

// Milliseconds to wait, where `left` are left in all, and something may have to be done at `next` (nanoseconds).
int choose_tick(int64_t next, int64_t left) {
  constexpr int64_t kTick = ProcessWaiter::kTick, kMillisecond = 1'000'000;
  if (next == INT64_MAX) return static_cast<int>(std::min(left, kTick));
  const int64_t until_next = std::max<int64_t>((next - monotonic_nanoseconds()) / kMillisecond + 1, 1);
  return static_cast<int>(std::min({left, kTick, until_next}));
}

bool has_running_thread(const ThreadTable& table) {
  const auto threads = table.all();
  return std::any_of(threads.begin(), threads.end(), [](const TracedThread* each) { return each->is_running(); });
}

// A thread of those that run with `asked` that has stopped for something that was not reported yet.
TracedThread* find_pending(const ThreadTable& table, const TracedThread& asked, const RunOptions& options,
                           bool also_choices) {
  for (TracedThread* thread : table.all()) {
    if (!thread->is_stopped() || (options.thread && thread != &asked) || !thread->pending_stop()) continue;
    if (also_choices || thread->pending_stop()->kind != StopKind::choice) return thread;
  }
  return nullptr;
}

// A thread beside the one that is reported in a wait that ends by itself, so that it is at rest only for a while; 0 if
// there is none.
pid_t find_wait_in_real_time(const ThreadTable& table, pid_t reported) {
  for (const TracedThread* thread : table.all()) {
    if (thread->is_stopped() && thread->wait() && thread->id() != reported) return thread->id();
  }
  return 0;
}

// A thread inside vfork stops only when its child is another program, or has ended: nobody waits for it.
TracedThread* first_to_stop(const ThreadTable& table) {
  for (TracedThread* thread : table.all()) {
    if (thread->is_running() && !thread->is_inside_vfork()) return thread;
  }
  return nullptr;
}

// Whether a further call like one that was reported is told apart from it by the filter's stops alone: the filter stops
// the thread at the next entry of such a call, and so at each that is made again.
bool sees_end_of_reported_call(const ProcessTraits& traits, TracedThread& thread) {
  Registers* registers;
  const std::optional<ReportedCall> call = thread.reported_call();
  if (!call) return true;
  return is_filtered(traits.further_calls, call->number) && thread.get_registers(&registers).is_ok() &&
         !may_go_on_unseen(*registers);
}

Status check_choice(const TracedThread& thread, const RunOptions& options) {
  const auto* choice = std::get_if<question::Choice>(&thread.question());
  const bool waits = choice != nullptr && !thread.pending_stop();
  const int64_t chosen = options.choose.value_or(-1);
  const bool is_fine = waits ? chosen >= 0 && chosen < choice->alternatives : !options.choose;
  if (is_fine) return Status::ok();
  return Status::refused(Error::choice, static_cast<uint64_t>(chosen),
                         waits ? static_cast<uint64_t>(choice->alternatives) : UINT64_MAX);
}

}  // namespace

Stop RunLoop::end_stop() const {
  const int status = *parts_.waiter.end();
  Stop stop = WIFEXITED(status) ? make_stop(StopKind::exit, parts_.traits.pid, WEXITSTATUS(status))
                                : make_stop(StopKind::killed, parts_.traits.pid, WTERMSIG(status));
  stop.has_ended = true;
  return stop;
}

int RunLoop::request(const RunOptions& options, TracedThread& thread) const {
  const bool must_stop = thread.waits_by_clock() || thread.needs_call_exit() || TimedWaits::has_to_stop(thread);
  if (must_stop || parts_.files.needs_all_calls() || !sees_end_of_reported_call(parts_.traits, thread)) {
    return PTRACE_SYSCALL;
  }
  const bool is_stopped_by_filter = parts_.traits.has_filter && !parts_.traits.has_others_filter;
  return is_stopped_by_filter && (!options.system_calls || options.only_entries) ? PTRACE_CONT : PTRACE_SYSCALL;
}

Status RunLoop::resume(TracedThread& asked, const RunOptions& options, Stop* stop) {
  GrowingArray<TracedThread*> runners;
  if (Status status = check_choice(asked, options); !status.is_ok()) return status;
  if (Status status = choose_runners(asked, options, &runners); !status.is_ok()) return status;
  // The answer counts whatever is reported first.
  if (Status status = answer_choice(asked, options); !status.is_ok()) return status;
  // Before a choice is reported, others are to come to rest.
  if (TracedThread* pending = find_pending(parts_.threads, asked, options, !options.settle)) {
    *stop = *pending->take_pending_stop();
    set_last(*stop, pending->id());
    return Status::ok();
  }
  parts_.changes.mark_run();
  parts_.waits.on_run();
  if (!options.goes_on) parts_.clock_calls.begin_step();
  restless_ = 0;
  Status status = run({runners.data(), runners.size()}, asked, options, stop);
  parts_.breakpoint.remove();
  parts_.kernel_breakpoint.remove();
  if (status.is_ok() && !has_ended()) status = leave_exits(parts_.waiter, parts_.threads);
  if (status.error() == Error::process_gone && parts_.waiter.wait_for_end()) status = Status::ok();
  // Between two calls nothing runs, also after one that failed.
  if (!status.is_ok() && !has_ended()) static_cast<void>(interrupt_all({}));
  if (!status.is_ok()) return status;
  if (has_ended()) *stop = end_stop();
  set_last(*stop, stop->thread != 0 ? stop->thread : last_thread_);
  return Status::ok();
}

Status RunLoop::answer_choice(TracedThread& thread, const RunOptions& options) const {
  if (!options.choose) return Status::ok();
  Registers* registers;
  if (Status status = thread.get_registers(&registers); !status.is_ok()) return status;
  registers->set_result(static_cast<uint64_t>(*options.choose));
  thread.mark_registers_dirty();
  thread.ask(question::None{});
  return Status::ok();
}

Status RunLoop::choose_runners(TracedThread& asked, const RunOptions& options,
                               GrowingArray<TracedThread*>* runners) const {
  for (TracedThread* thread : parts_.threads.all()) {
    if (!thread->is_stopped() || (options.thread && thread != &asked)) continue;
    // A thread that waits at another choice, or whose choice is still to be reported, stays there.
    const bool waits = thread != &asked && thread->asks(question::Kind::choice);
    if (waits || thread->pending_stop()) continue;
    if (!runners->append(thread)) return Status::no_memory(sizeof(thread));
  }
  return Status::ok();
}

Status RunLoop::run(std::span<TracedThread* const> runners, TracedThread& asked, const RunOptions& options,
                    Stop* stop) {
  if (options.breakpoint) {
    std::optional<Stop> reported;
    if (Status status = insert_breakpoint(runners, options, &reported); !status.is_ok()) return status;
    if (reported) {
      *stop = *reported;
      return Status::ok();
    }
  }
  TracedThread* chooser = find_pending(parts_.threads, asked, options, true);
  for (TracedThread* thread : runners) {
    const SignalAnswer answer = thread == &asked ? options.signal : SignalAnswer{};
    if (Status status = unless_dying(*thread, start(*thread, options, answer)); !status.is_ok()) return status;
  }
  return chooser != nullptr ? report(*chooser->take_pending_stop(), options, stop) : wait_for_stop(options, stop);
}

Status RunLoop::insert_breakpoint(std::span<TracedThread* const> runners, const RunOptions& options,
                                  std::optional<Stop>* stop) {
  if (parts_.traits.outlives_us) {
    return parts_.kernel_breakpoint.insert(*options.breakpoint, runners, parts_.threads, parts_.injected,
                                           parts_.waiter);
  }
  const StepTools tools{parts_.memory, parts_.waiter, parts_.classifier};
  for (TracedThread* thread : runners) {
    if (Status status = step_over_breakpoint(tools, *thread, options, stop); !status.is_ok()) return status;
    if (*stop) return Status::ok();
  }
  return parts_.breakpoint.insert(*options.breakpoint);
}

Status RunLoop::run_on(TracedThread& thread, const RunOptions& options, int signal) {
  if (Status status = parts_.clock_calls.prepare(thread); !status.is_ok()) return status;
  if (Status status = prepare_answered_call(parts_.traits, parts_.injected, thread); !status.is_ok()) return status;
  if (Status status = take_back_to_call(parts_.waiter, parts_.memory, thread); !status.is_ok()) return status;
  if (Status status = write_hidden_register(parts_.waiter, thread); !status.is_ok()) return status;
  // A thread in a group-stop would run on: it is stopped again before it does.
  if (thread.is_in_group_stop()) interrupt_thread(thread.id());
  thread.settle_repeated_call(signal);
  return thread.run(request(options, thread), signal);
}

Status RunLoop::start(TracedThread& thread, const RunOptions& options, const SignalAnswer& answer) {
  PS_ASSERT(thread.is_stopped());
  const siginfo_t info = signal_for(thread, answer);
  int deliver = info.si_signo;
  if (deliver != 0) parts_.clock_calls.before_signal(thread, deliver);
  if (deliver != 0 && thread.is_at(activity::Kind::inside_vfork)) {
    signal_thread(parts_.traits.pid, thread.id(), deliver);
    deliver = 0;
  } else if (deliver != 0) {
    Status status = stop_before_signal(parts_.waiter, parts_.memory, thread, info, parts_.injected.stubs());
    if (!status.is_ok()) return status;
  } else if (thread.asked_signal() != nullptr &&
             (!thread.is_at(activity::Kind::signal_delivery) || thread.has_to_return())) {
    if (Status status = thread.suppress_signal(); !status.is_ok()) return status;
  }
  if (Status status = parts_.classifier.before_run(thread); !status.is_ok()) return status;
  // The kernel does not report the end of the first thread before those of all others.
  const bool is_unreported_end = thread.asks(question::Kind::thread_exit) && thread.id() == parts_.traits.pid;
  if (Status status = run_on(thread, options, deliver); !status.is_ok()) return status;
  if (is_unreported_end) thread.enter(activity::Ended{});
  return Status::ok();
}

Status RunLoop::run_to_exec(Stop* stop) {
  for (;;) {
    if (Status status = wait_for_stop({}, stop); !status.is_ok()) return status;
    if (has_ended()) return Status::ok();
    if (stop->kind == StopKind::exec) return leave_exits(parts_.waiter, parts_.threads);
    if (Status status = start(*parts_.threads.all()[0], {}, {}); !status.is_ok()) return status;
  }
}

Status RunLoop::wait_for_stop(const RunOptions& options, Stop* stop) {
  const int64_t end = options.timeout ? monotonic_now() + *options.timeout + 1 : INT64_MAX;  // never less
  const bool is_paced = !options.settle;  // under the explorer nobody is outside
  for (;;) {
    // It may have ended while a thread was started.
    if (has_ended()) {
      *stop = end_stop();
      return Status::ok();
    }
    if (!has_running_thread(parts_.threads) && parts_.threads.first_live() != nullptr) {
      // Only the first thread was let run to its end.
      *stop = last_stop_;
      stop->has_ended = true;
      return Status::ok();
    }
    const int64_t left = options.timeout ? end - monotonic_now() : ProcessWaiter::kTick;
    if (left <= 0 || (options.may_go_on != nullptr && !options.may_go_on(options.context))) {
      return break_off(options, stop);
    }
    std::optional<WaitEvent> event;
    const int64_t next = std::min(TimedWaits::next_end(parts_.threads.all()), parts_.clock_calls.next_pass(is_paced));
    const int tick = choose_tick(next, left);
    if (Status status = parts_.waiter.wait_for_any(parts_.followers.all(), tick, &event); !status.is_ok()) {
      return status;
    }
    TimedWaits::end_overdue(parts_.threads.all());
    if (!event) {
      if (const pid_t restless = parts_.clock_calls.pass_time(is_paced)) restless_ = restless;
      continue;
    }
    std::optional<Stop> reported;
    if (Status status = classify(*event, options, &reported); !status.is_ok()) return status;
    if (reported && !has_ended()) return report(*reported, options, stop);
  }
}

// Of two stops at the same moment the choice waits: until it is reported, nobody is in the middle of something.
Status RunLoop::report(Stop reported, const RunOptions& options, Stop* stop) {
  const bool settles = reported.kind == StopKind::choice && options.settle;
  std::optional<Stop> other;
  const Status settled = settles ? settle(options, &other) : Status::ok();
  if (!settled.is_ok()) return settled;
  TracedThread* thread = other ? parts_.threads.find(reported.thread) : nullptr;
  if (thread != nullptr) thread->set_pending_stop(std::exchange(reported, *other));
  if (!has_ended()) {
    if (Status status = interrupt_all(options); !status.is_ok()) return status;
  }
  if (settles && !other && restless_ == 0) restless_ = find_wait_in_real_time(parts_.threads, reported.thread);
  *stop = has_ended() ? end_stop() : reported;
  return Status::ok();
}

// What is not to be reported runs on.
Status RunLoop::classify(const WaitEvent& event, const RunOptions& options, std::optional<Stop>* stop) {
  TracedThread* thread = parts_.threads.find(event.thread);
  if (thread == nullptr || event.is_end()) {
    parts_.followers.on_event(event);
    return Status::ok();
  }
  const bool saw_all = parts_.files.needs_all_calls();
  const Status status = unless_dying(*thread, parts_.classifier.classify(*thread, event, options, stop));
  if (!status.is_ok() || *stop) return status;
  if (!saw_all && parts_.files.needs_all_calls()) {
    if (Status seen = see_all_calls(options, stop); !seen.is_ok() || *stop || has_ended()) return seen;
    thread = parts_.threads.find(event.thread);
  }
  if (thread == nullptr || !thread->is_stopped()) return status;
  return unless_dying(*thread, run_on(*thread, options, 0));
}

// From now on every call is to be seen, also of threads that run already: they stop, and run on in another way.
Status RunLoop::see_all_calls(const RunOptions& options, std::optional<Stop>* stop) {
  GrowingArray<pid_t> runners;
  for (const TracedThread* thread : parts_.threads.all()) {
    const bool can_stop = thread->is_running() && !thread->is_inside_vfork();
    if (can_stop && !runners.append(thread->id())) return Status::no_memory(sizeof(pid_t));
  }
  if (Status status = interrupt_all(options); !status.is_ok() || has_ended()) return status;
  for (const pid_t id : runners) {
    TracedThread* thread = parts_.threads.find(id);
    if (thread != nullptr && thread->pending_stop()) *stop = *thread->take_pending_stop();
    if (*stop) return Status::ok();
  }
  for (const pid_t id : runners) {
    TracedThread* thread = parts_.threads.find(id);
    if (thread == nullptr || !thread->is_stopped()) continue;
    if (Status status = unless_dying(*thread, start(*thread, options, {})); !status.is_ok()) return status;
  }
  return Status::ok();
}

// `other`: what another thread stopped for that is no choice, and may run on after.
Status RunLoop::settle(const RunOptions& options, std::optional<Stop>* other) {
  constexpr int kPause = 1;  // milliseconds
  const int64_t end = monotonic_now() + *options.settle;
  while (!has_ended()) {
    const pid_t restless = find_restless(parts_.traits.pid, parts_.threads);
    if (restless == 0) break;
    if (monotonic_now() >= end) {
      restless_ = restless;
      break;
    }
    std::optional<WaitEvent> event;
    Status status = parts_.waiter.wait_for_any(parts_.followers.all(), kPause, &event);
    if (!status.is_ok()) return status;
    if (!event) continue;
    std::optional<Stop> pending;
    if (status = classify(*event, options, &pending); !status.is_ok()) return status;
    TracedThread* thread = parts_.threads.find(pending ? pending->thread : event->thread);
    if (!pending || thread == nullptr) continue;
    if (pending->kind != StopKind::choice) {
      *other = pending;
      break;
    }
    thread->set_pending_stop(*pending);
  }
  return Status::ok();
}

Status RunLoop::break_off(const RunOptions& options, Stop* stop) {
  if (Status status = interrupt_all(options); !status.is_ok()) return status;
  if (has_ended()) {
    *stop = end_stop();
    return Status::ok();
  }
  for (TracedThread* thread : parts_.threads.all()) {
    if (!thread->pending_stop()) continue;
    *stop = *thread->take_pending_stop();
    return Status::ok();
  }
  *stop = make_stop(StopKind::timeout, options.thread.value_or(last_thread_));
  return Status::ok();
}

Status RunLoop::interrupt_all(const RunOptions& options) {
  for (TracedThread* thread : parts_.threads.all()) {
    if (!thread->is_running()) continue;
    if (!thread->is_inside_vfork()) parts_.waits.before_interrupt(*thread);
    if (!interrupt_thread(thread->id())) return refused_request(thread->id(), "interrupting a thread (ptrace)");
  }
  return wait_until_stopped(options);
}

Status RunLoop::wait_until_stopped(const RunOptions& options) {
  const ThreadTable::InUse in_use(parts_.threads);
  // Each time from the first on: a wait may remove threads, and exec leaves only one.
  for (TracedThread* thread; !has_ended() && (thread = first_to_stop(parts_.threads)) != nullptr;) {
    WaitEvent event;
    if (Status status = parts_.waiter.wait_for(*thread, &event); !status.is_ok()) return status;
    if (event.is_end()) continue;
    TracedThread* stopped = parts_.threads.find(event.thread);
    if (stopped == nullptr) return Status::process_gone(parts_.traits.pid, "was killed");
    if (event.ptrace_event() == PTRACE_EVENT_STOP) {
      stopped->on_interrupt(event.signal() != SIGTRAP);
      parts_.waits.on_interrupt(*stopped);
      continue;
    }
    std::optional<Stop> pending;
    const Status status = unless_dying(*stopped, parts_.classifier.classify(*stopped, event, options, &pending));
    if (!status.is_ok()) return status;
    if (pending) stopped->set_pending_stop(*pending);
  }
  return Status::ok();
}

}  // namespace pagestore

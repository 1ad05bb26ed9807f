// One thread that we trace: what it is doing, what it waits to have answered, its registers, and what it takes
// to let it run on as if nothing had been.
//
// What a thread is, as a value, is a `ThreadState`: saved at any stop, and loaded at any other one. So a state
// says which instruction comes next, and not where in the kernel the thread is stopped: a thread that has
// entered a system call is about to make it, and an interrupted call is about to be made again.
//
// It leaves to its caller: to call from the thread that traces.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <span>
#include <utility>

#include "ptrace/activity.h"
#include "ptrace/clock_wait.h"
#include "ptrace/register_cache.h"
#include "ptrace/stop.h"
#include "ptrace/thread_state.h"
#include "ptrace/timed_wait.h"
#include "system/address_range.h"
#include "system/growing_array.h"
#include "system/status.h"

namespace pagestore {

class TracedThread {
 public:
  explicit TracedThread(pid_t thread) : thread_(thread), registers_(thread) {}

  pid_t id() const { return thread_; }

  bool is_running() const { return activity::kind_of(activity_) == activity::Kind::running; }
  bool has_ended() const { return activity::kind_of(activity_) == activity::Kind::ended; }
  bool is_stopped() const { return !is_running() && !has_ended(); }
  bool is_at(activity::Kind kind) const { return activity::kind_of(activity_) == kind; }
  // A thread inside vfork stops only when its child has ended or is another program.
  bool is_inside_vfork() const;
  bool is_in_group_stop() const { return is_in_group_stop_; }

  // Every change of activity but exec; `activity::is_legal` says which there are.
  void enter(const activity::Any& next);
  // The thread has become another program, and has the number of the process: what was known of it is forgotten.
  void on_exec();
  // The thread stopped because we interrupted it, or because of a group-stop.
  void on_interrupt(bool is_group_stop);
  // PTRACE_LISTEN: a thread in a group-stop stays there until somebody ends that. False if that is over.
  bool listen();
  // The thread was killed while it was stopped: the kernel will report its end.
  void mark_dying();

  // The call that the thread has entered, is about to make, and has not made yet.
  bool has_entered_call() const { return entered_call() != nullptr; }
  const activity::EnteredCall* entered_call() const;  // null without one
  // Whether it is at the entry of a call that the filters of system calls have still to decide about.
  bool is_before_filters() const;
  // Whether the exit of that call must be seen.
  bool needs_call_exit() const;
  // The call that it entered before it ran on, if any.
  std::optional<activity::EnteredCall> call_before() const;
  void set_entered_call(const std::optional<activity::EnteredCall>& call);
  // The entry of the call that it has entered was reported.
  void mark_entry_reported();
  // Whether the call that it has entered is one that was reported already, and comes once more.
  bool is_entry_reported_already();
  // That call, or one that it makes again next.
  std::optional<ReportedCall> reported_call() const;
  // The call that was reported, and that the thread makes again next; see reported_call.h.
  const std::optional<ReportedCall>& repeated_call() const { return repeated_call_; }
  // The thread is about to run: a call that it does not make next, or not before a handler of `signal`, is no more.
  void settle_repeated_call(int signal);
  void drop_repeated_call() { repeated_call_.reset(); }
  // Whether the entry of the call that it is about to make, by its registers, was seen.
  bool has_seen_next_entry();
  // A rollback has put it before a call whose entry was seen.
  void expect_repeated_call();
  // What the entered call does to open files, if its exit says so.
  void expect_effects(const CallEffects& effects);

  // The address at which the kernel clears the thread's number when it ends.
  const std::optional<RemoteAddress>& id_address() const { return id_address_; }
  void set_id_address(RemoteAddress address) { id_address_ = address; }

  // If its clock is kept: the wait that it is in.
  std::optional<ClockWait>& clock_wait() { return clock_wait_; }
  bool waits_by_clock() const { return clock_wait_ && clock_wait_->is_in_kernel; }
  // Whether the program itself asked that reads of the processor's counter fail.
  bool has_faulting_counter() const { return has_faulting_counter_; }
  void set_faulting_counter(bool fails) { has_faulting_counter_ = fails; }

  // The stack that the thread was started on, as the call that started it says: where its first frame began is the end,
  // and a range without bytes does not say how long it is. Nothing but zeroes if we have not seen the call.
  const AddressRange& first_stack() const { return first_stack_; }
  void set_first_stack(const AddressRange& stack) { first_stack_ = stack; }

  void ask(const question::Any& question) { question_ = question; }
  const question::Any& question() const { return question_; }
  bool asks(question::Kind kind) const { return question::kind_of(question_) == kind; }
  const siginfo_t* asked_signal() const;  // null unless that is the question
  Stop signal_stop() const;               // with question::Signal

  // What it slept in when we were about to interrupt it, until it runs again; the wait that it was interrupted in
  // (timed_waits.h).
  ThreadSleep& sleep() { return sleep_; }
  std::optional<TimedWait>& wait() { return wait_; }
  const std::optional<TimedWait>& wait() const { return wait_; }

  // A stop that was not reported yet. One that is set is reported before what was pending.
  const std::optional<Stop>& pending_stop() const { return pending_stop_; }
  void set_pending_stop(const Stop& stop) { later_stop_ = std::exchange(pending_stop_, stop); }
  std::optional<Stop> take_pending_stop() {
    return std::exchange(pending_stop_, std::exchange(later_stop_, std::nullopt));
  }

  // The thread's registers until it runs. Whoever changes them calls `mark_registers_dirty`. Refused where the
  // thread runs inside vfork.
  Status get_registers(Registers** registers);
  void mark_registers_dirty() { registers_.mark_dirty(); }
  Status flush_registers() { return registers_.flush(is_in_signal_code()); }
  // Whether registers like these can be written.
  Status check_registers(const Registers& wanted) {
    const Status status = check_stopped();
    return status.is_ok() ? registers_.check(wanted) : status;
  }
  Status get_blocked_signals(uint64_t* signals);
  Status set_blocked_signals(uint64_t signals);

  // Adds a ThreadState and the vector registers to `bytes`. `memory` is the process's.
  Status save(const RemoteMemory& memory, GrowingArray<std::byte>* bytes);
  // Of bytes that `save` gave, as many as it gave.
  Status load(const ThreadState& state, std::span<const std::byte> vectors);

  // A call that was interrupted becomes one that is about to be made, so that registers can be changed. Not
  // before a signal, which decides whether the call will be made again.
  Status rewind_interrupted_call();
  // The same where the signal that interrupted the call is not delivered.
  Status suppress_signal();

  // `request` as PTRACE_CONT; `signal` is delivered, only where the thread is at signal delivery, or 0. Unless the
  // thread is let go, the caller has settled a call that is repeated with that signal.
  Status run(int request, int signal);

  // A thread that is about to make an interrupted call again, or is in one by its registers, must be where the kernel
  // decides whether a signal ends that call, and knows how it ended: if it did run or was put elsewhere meanwhile, it
  // has to be taken there before it runs (call_return.h).
  bool has_to_return() const;
  void forget_interruption() { interruption_.reset(); }
  // Its registers become those of a thread in that call.
  void return_to_call();

  // Where the kernel hides such calls (hidden_call.h): the thread is shown in one that was interrupted.
  void show_call(int64_t number, int64_t result);
  bool has_shown_call() const { return shown_call_.has_value(); }
  // At the exit of the call of which this was the first argument, as the kernel remembers it.
  void show_first_argument(uint64_t argument);
  // Whether the kernel decides about the call that the registers show, without having to be told.
  bool kernel_knows_call() const;
  // Where the kernel hides a register (hidden_register.h): whether it does so now, from those that are shown, or of
  // those that were put there.
  bool is_at_hidden_register() const;
  bool is_hidden_register_unknown() const { return is_at_hidden_register() && !registers_.are_set(); }
  bool is_hidden_register_lost() const { return is_at_hidden_register() && is_hidden_register_lost_; }
  // What it waits to have answered and what it has to report, to be put back where it is run on only to stop elsewhere.
  struct Errand {
    question::Any question;
    std::optional<Stop> pending_stop, later_stop;
    std::optional<TimedWait> wait;
  };
  Errand errand() const { return {question_, pending_stop_, later_stop_, wait_}; }
  void set_errand(const Errand& errand);
  // Whether it has stopped at each call that it made since it ran last.
  bool stops_at_calls() const { return stops_at_calls_; }

  // What a thread is stopped for, to be put back after an injected call.
  struct Interruption {
    int64_t result, number;  // of the call, as the kernel left them
    bool is_kept;            // the kernel still knows the rest of what it needs
  };
  struct Context {
    Registers registers;
    uint64_t blocked_signals;
    question::Any question;
    std::optional<ReportedCall> repeated_call;
    bool has_entered_call;
    bool continues_call;
    std::optional<Interruption> interruption;
  };
  Status get_context(Context* context);
  // Wherever the thread is stopped by then. A call that it had entered is about to be made again.
  Status set_context(const Context& context);

 private:
  void save_clock_wait(ThreadState* state) const;
  void load_clock_wait(const ThreadState& state);
  Status check_stopped() const;
  Status remember_interrupted_call();
  bool is_in_signal_code() const {
    return is_at(activity::Kind::signal_delivery) || is_at(activity::Kind::interrupted);
  }
  Registers wanted_registers() const;
  void show_expected_call();

  pid_t thread_;
  activity::Any activity_;
  question::Any question_;
  std::optional<Stop> pending_stop_, later_stop_;
  bool is_in_group_stop_ = false;
  std::optional<ReportedCall> repeated_call_;
  // The next call is restart_syscall, which goes on with the interrupted one.
  bool continues_call_ = false;
  std::optional<int64_t> interrupted_call_;
  std::optional<RemoteAddress> id_address_;
  std::optional<Interruption> interruption_;
  // What the kernel keeps of an interrupted call and does not show: where the thread is stopped; where it stops next,
  // unless it does anything before.
  std::optional<Registers> shown_call_, expected_call_;
  bool stops_at_calls_ = false;
  bool is_hidden_register_lost_ = false;  // the thread has another one than it shall have
  ThreadSleep sleep_;
  std::optional<TimedWait> wait_;
  std::optional<ClockWait> clock_wait_;
  bool has_faulting_counter_ = false;
  AddressRange first_stack_{};
  RegisterCache registers_;
};

// A thread that is stopped may be killed by the end of the process, or by exec. The kernel will report that.
inline Status unless_dying(TracedThread& thread, const Status& status) {
  if (status.error() != Error::process_gone) return status;
  thread.mark_dying();
  return Status::ok();
}

}  // namespace pagestore

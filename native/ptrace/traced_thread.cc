#include "ptrace/traced_thread.h"

#include <sys/ptrace.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "linux/thread_status.h"
#include "ptrace/requests.h"
#include "ptrace/trap.h"
#include "system/assert.h"

namespace pagestore {

void TracedThread::enter(const activity::Any& next) {
  const activity::Kind kind = activity::kind_of(next);
  PS_ASSERT(activity::is_legal(activity::kind_of(activity_), kind));
  const std::optional<activity::EnteredCall> call = call_before();
  // At another entry it is over, or the filter stops the thread for the same call.
  const bool may_repeat = kind != activity::Kind::call_entry && kind != activity::Kind::inside_vfork;
  if (call && call->reported && may_repeat) repeated_call_ = call->reported;
  // If it was interrupted, that is what restart_syscall goes on with.
  const bool is_left = call && kind == activity::Kind::call_exit;
  if (is_left && call->number != Registers::kRestartCall) interrupted_call_ = call->number;
  activity_ = next;
  shown_call_.reset();
  if (is_in_signal_code()) show_expected_call();
}

void TracedThread::on_exec() {
  activity_ = activity::Interrupted{};
  question_ = question::None{};
  registers_.forget();
  pending_stop_.reset();
  later_stop_.reset();
  repeated_call_.reset();
  interrupted_call_.reset();
  id_address_.reset();
  wait_.reset();
  clock_wait_.reset();
  interruption_.reset();
  shown_call_.reset();
  expected_call_.reset();
  is_hidden_register_lost_ = false;
  is_in_group_stop_ = continues_call_ = false;
}

void TracedThread::on_interrupt(bool is_group_stop) {
  enter(activity::Interrupted{});
  is_in_group_stop_ = is_group_stop;
}

// Those of a thread that was taken back into its call, where it is about to make it again.
Registers TracedThread::wanted_registers() const {
  Registers registers = registers_.current();
  if (!interruption_) return registers;
  const auto& [result, number, is_kept] = *interruption_;
  registers.return_to_call(number, result == kRestartBlock && !is_kept ? kRestartNoHand : result);
  return registers;
}

void TracedThread::return_to_call() {
  Registers* registers;
  if (!interruption_ || !get_registers(&registers).is_ok()) return;
  *registers = wanted_registers();
  interruption_.reset();
  continues_call_ = false;
  mark_registers_dirty();
}

bool TracedThread::has_to_return() const {
  if (!Registers::kHidesCalls) return interruption_ && !is_in_signal_code();
  if (!registers_.has_current() || !is_stopped() || is_inside_vfork()) return false;
  Registers wanted = wanted_registers();
  if (is_interrupted(wanted)) return !kernel_knows_call();
  // What the kernel keeps would be taken for an interruption of the call that the thread is before.
  return shown_call_ && is_in_signal_code() &&
         wanted.instruction_pointer() == shown_call_->stepped_back().instruction_pointer();
}

// At the exit of the call its result is still what the registers say.
bool TracedThread::kernel_knows_call() const {
  if (!shown_call_) return false;
  const Registers wanted = wanted_registers();
  return is_interrupted(wanted) && shown_call_->is_in_same_call(wanted) &&
         (shown_call_->result() == wanted.result() || is_at(activity::Kind::call_exit));
}

void TracedThread::show_call(int64_t number, int64_t result) {
  Registers* registers;
  if (!get_registers(&registers).is_ok()) return;
  Registers shown = *registers;
  shown.return_to_call(number, result);
  registers_.show(shown);
  shown_call_ = shown;
}

void TracedThread::show_expected_call() {
  Registers* registers;
  if (!expected_call_ || !get_registers(&registers).is_ok()) return;
  Registers before = expected_call_->stepped_back();
  if (registers->stack() != before.stack() || registers->instruction_pointer() != before.instruction_pointer()) return;
  // Kernels differ in what they remember where a tracer has changed the first argument at the entry.
  const uint64_t first_argument = expected_call_->call().arguments[0];
  if (registers->call().arguments[0] != first_argument) mark_registers_dirty();
  registers->set_argument(0, first_argument);
  show_call(expected_call_->call().number, expected_call_->result());
}

void TracedThread::show_first_argument(uint64_t argument) {
  Registers* registers;
  if (!Registers::kHidesCalls || !get_registers(&registers).is_ok() || !registers->is_in_call()) return;
  Registers shown = *registers;
  shown.keep_first_argument(argument);
  registers_.show(shown);
  shown_call_ = shown;
}

bool TracedThread::is_at_hidden_register() const {
  if (!Registers::kHidesRegister) return false;
  const auto* entry = std::get_if<activity::CallEntry>(&activity_);
  return is_at(activity::Kind::call_exit) || (entry != nullptr && !entry->is_past_filters);
}

void TracedThread::set_errand(const Errand& errand) {
  question_ = errand.question;
  pending_stop_ = errand.pending_stop;
  later_stop_ = errand.later_stop;
  wait_ = errand.wait;
}

bool TracedThread::listen() {
  if (ptrace(PTRACE_LISTEN, thread_, nullptr, nullptr) != 0) return false;
  expected_call_.reset();
  enter(activity::Interrupted{});
  enter(activity::Running{});
  is_in_group_stop_ = true;
  return true;
}

void TracedThread::mark_dying() {
  if (is_stopped()) enter(activity::Running{});
}

bool TracedThread::is_inside_vfork() const {
  const auto* running = std::get_if<activity::Running>(&activity_);
  return running != nullptr ? running->is_inside_vfork : is_at(activity::Kind::inside_vfork);
}

const activity::EnteredCall* TracedThread::entered_call() const {
  const auto* entry = std::get_if<activity::CallEntry>(&activity_);
  return entry != nullptr && entry->call ? &*entry->call : nullptr;
}

bool TracedThread::is_before_filters() const {
  const auto* entry = std::get_if<activity::CallEntry>(&activity_);
  return entry != nullptr && !entry->is_past_filters;
}

bool TracedThread::needs_call_exit() const {
  const auto* entry = std::get_if<activity::CallEntry>(&activity_);
  if (entry == nullptr || !entry->call) return false;
  return entry->call->effects.needs_exit();
}

std::optional<activity::EnteredCall> TracedThread::call_before() const {
  const auto* running = std::get_if<activity::Running>(&activity_);
  return running != nullptr ? running->call : std::nullopt;
}

void TracedThread::set_entered_call(const std::optional<activity::EnteredCall>& call) {
  auto* entry = std::get_if<activity::CallEntry>(&activity_);
  if (entry != nullptr) entry->call = call;
}

void TracedThread::mark_entry_reported() {
  auto* entry = std::get_if<activity::CallEntry>(&activity_);
  Registers* registers;
  if (entry == nullptr || !entry->call || !get_registers(&registers).is_ok()) return;
  entry->call->reported = ReportedCall::made(entry->call->number, *registers);
}

bool TracedThread::is_entry_reported_already() {
  const std::optional<ReportedCall> repeated = std::exchange(repeated_call_, std::nullopt);
  auto* entry = std::get_if<activity::CallEntry>(&activity_);
  Registers* registers;
  if (!repeated || entry == nullptr || !entry->call || !get_registers(&registers).is_ok()) return false;
  if (!repeated->is_entered_by(entry->call->number, *registers)) return false;
  entry->call->reported = repeated;
  return true;
}

std::optional<ReportedCall> TracedThread::reported_call() const {
  const auto* entry = std::get_if<activity::CallEntry>(&activity_);
  return entry != nullptr && entry->call ? entry->call->reported : repeated_call_;
}

void TracedThread::settle_repeated_call(int signal) {
  Registers* registers;
  if (!repeated_call_) return;
  const bool comes_next = get_registers(&registers).is_ok() && repeated_call_->comes_next(*registers);
  if (!comes_next || (signal != 0 && is_caught(thread_, signal))) repeated_call_.reset();
}

bool TracedThread::has_seen_next_entry() {
  Registers* registers;
  if (pending_stop_) return false;
  if (has_entered_call()) return true;
  return repeated_call_ && get_registers(&registers).is_ok() && repeated_call_->comes_next(*registers);
}

void TracedThread::expect_repeated_call() {
  Registers* registers;
  if (get_registers(&registers).is_ok()) repeated_call_ = ReportedCall::next(*registers);
}

void TracedThread::expect_effects(const CallEffects& effects) {
  auto* entry = std::get_if<activity::CallEntry>(&activity_);
  if (entry != nullptr && entry->call) entry->call->effects = effects;
}

const siginfo_t* TracedThread::asked_signal() const {
  const auto* signal = std::get_if<question::Signal>(&question_);
  return signal != nullptr ? &signal->info : nullptr;
}

Stop TracedThread::signal_stop() const {
  const siginfo_t* info = asked_signal();
  PS_ASSERT(info != nullptr);
  const int signal = info->si_signo;
  Stop stop;
  stop.kind = StopKind::signal;
  stop.thread = thread_;
  stop.value = signal;
  const bool is_fault =
      signal == SIGSEGV || signal == SIGBUS || signal == SIGILL || signal == SIGFPE || signal == SIGTRAP;
  stop.has_address = is_fault && info->si_code > 0;
  if (stop.has_address) stop.address = RemoteAddress(reinterpret_cast<uint64_t>(info->si_addr));
  return stop;
}

Status TracedThread::check_stopped() const {
  return is_running() ? Status::system(Error::tracee, "a thread that waits in vfork", EBUSY) : Status::ok();
}

Status TracedThread::get_registers(Registers** registers) {
  if (Status status = check_stopped(); !status.is_ok()) return status;
  return registers_.get(registers);
}

Status TracedThread::get_blocked_signals(uint64_t* signals) {
  if (Status status = check_stopped(); !status.is_ok()) return status;
  return registers_.get_blocked_signals(signals);
}

Status TracedThread::set_blocked_signals(uint64_t signals) {
  if (Status status = check_stopped(); !status.is_ok()) return status;
  return registers_.set_blocked_signals(signals);
}

// A sleep that goes on does so by restart_syscall, which is interrupted in its turn.
Status TracedThread::remember_interrupted_call() {
  Registers* registers;
  if (Status status = get_registers(&registers); !status.is_ok()) return status;
  if (is_at(activity::Kind::call_entry) || !registers->is_in_call() || registers->result() != kRestartBlock) {
    return Status::ok();
  }
  const int64_t number = registers->call().number;
  if (number != Registers::kRestartCall) interrupted_call_ = number;
  return Status::ok();
}

Status TracedThread::rewind_interrupted_call() {
  if (Status status = remember_interrupted_call(); !status.is_ok()) return status;
  if (is_at(activity::Kind::call_entry) || asks(question::Kind::signal)) return Status::ok();
  Registers& registers = registers_.current();
  if (!is_interrupted(registers)) return Status::ok();
  continues_call_ = registers.result() == kRestartBlock;
  interruption_ = {registers.result(), registers.call().number, true};
  registers.rewind_restart();
  mark_registers_dirty();
  return Status::ok();
}

Status TracedThread::suppress_signal() {
  Registers* registers;
  if (Status status = get_registers(&registers); !status.is_ok()) return status;
  if (!is_interrupted(*registers)) return Status::ok();
  registers->rewind_call();
  mark_registers_dirty();
  return Status::ok();
}

Status TracedThread::get_context(Context* context) {
  Registers* registers;
  if (Status status = get_registers(&registers); !status.is_ok()) return status;
  if (Status status = get_blocked_signals(&context->blocked_signals); !status.is_ok()) return status;
  context->registers = *registers;
  context->question = question_;
  context->has_entered_call = has_entered_call();
  context->repeated_call = repeated_call_;
  context->continues_call = continues_call_;
  context->interruption = interruption_;
  return Status::ok();
}

Status TracedThread::set_context(const Context& context) {
  if (Status status = check_stopped(); !status.is_ok()) return status;
  registers_.set(context.registers);
  question_ = context.question;
  repeated_call_ = context.repeated_call;
  continues_call_ = context.continues_call;
  interruption_ = context.interruption;
  if (context.has_entered_call) {
    registers_.current().rewind_call();
    expect_repeated_call();
    set_entered_call({});
  }
  return registers_.set_blocked_signals(context.blocked_signals);
}

Status TracedThread::run(int request, int signal) {
  PS_ASSERT(signal == 0 || request == PTRACE_DETACH || is_at(activity::Kind::signal_delivery));
  if (is_in_signal_code()) {
    if (Status status = remember_interrupted_call(); !status.is_ok()) return status;
  }
  if (is_in_signal_code()) return_to_call();
  settle_repeated_call(0);
  expected_call_.reset();
  if (kernel_knows_call()) expected_call_ = registers_.current();
  std::optional<uint64_t> first_argument;
  if (registers_.has_current()) first_argument = registers_.current().call().arguments[0];
  stops_at_calls_ = request == PTRACE_SYSCALL;
  if (!is_at_hidden_register()) is_hidden_register_lost_ = false;
  if (Status status = flush_registers(); !status.is_ok()) return status;
  if (ptrace(static_cast<__ptrace_request>(request), thread_, nullptr, signal) != 0) {
    return refused_request(thread_, "running a thread (ptrace)");
  }
  registers_.forget();
  sleep_ = {};
  activity::Running running;
  if (const auto* entry = std::get_if<activity::CallEntry>(&activity_); entry != nullptr) running.call = entry->call;
  if (running.call && first_argument) running.call->first_argument = *first_argument;
  if (const auto* vfork = std::get_if<activity::InsideVfork>(&activity_); vfork != nullptr) {
    running = {vfork->call, true};
  }
  // Its exit is not seen, nor what the thread calls then.
  if (running.call && request != PTRACE_SYSCALL) running.call->began = 0;
  enter(running);
  question_ = question::None{};
  pending_stop_.reset();
  later_stop_.reset();
  if (wait_ && request != PTRACE_SYSCALL && !interruption_) wait_->is_unseen = true;
  continues_call_ = false;
  return Status::ok();
}

}  // namespace pagestore

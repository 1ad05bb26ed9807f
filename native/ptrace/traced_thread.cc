#include "ptrace/traced_thread.h"

#include <sys/ptrace.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "ptrace/trap.h"
#include "system/assert.h"

namespace pagestore {

namespace {

// The call that the thread made to report such a stop. It has returned by then, and is made once more where the stop is
// still pending when the thread's state is saved.
std::optional<int64_t> call_that_reports(StopKind kind) {
  switch (kind) {
    case StopKind::choice:
      return trap::kChoose;
    case StopKind::assertion:
      return trap::kAssert;
    case StopKind::system_call:
    case StopKind::signal:
    case StopKind::breakpoint:
    case StopKind::exec:
    case StopKind::clone:
    case StopKind::fork:
    case StopKind::timeout:
    case StopKind::exit:
    case StopKind::thread_exit:
    case StopKind::killed:
      break;
  }
  return {};
}

// The results of interrupted calls (system_call.h) as small numbers, none of them 0.
constexpr int64_t kBeforeRestarts = -511;
uint8_t restart_code(int64_t result) {
  return static_cast<uint8_t>(kBeforeRestarts - result);
}
int64_t result_of(uint8_t restart) {
  return kBeforeRestarts - restart;
}

}  // namespace

void TracedThread::enter(const activity::Any& next) {
  PS_ASSERT(activity::is_legal(activity::kind_of(activity_), activity::kind_of(next)));
  activity_ = next;
}

void TracedThread::on_exec() {
  activity_ = activity::Interrupted{};
  question_ = question::None{};
  registers_.forget();
  pending_stop_.reset();
  reported_call_.reset();
  remade_call_.reset();
  interrupted_call_.reset();
  id_address_.reset();
  wait_.reset();
  clock_wait_.reset();
  interruption_.reset();
  is_in_group_stop_ = continues_call_ = false;
}

void TracedThread::on_interrupt(bool is_group_stop) {
  const std::optional<activity::EnteredCall> call = call_before();
  enter(activity::Interrupted{});
  is_in_group_stop_ = is_group_stop;
  Registers* registers;
  if (interruption_ && get_registers(&registers).is_ok()) return_to_call();
  if (call) on_interrupted_call(*call);
}

// Leaves to its caller: the thread is stopped where the kernel decides about signals, and its registers were read.
void TracedThread::return_to_call() {
  auto [result, number, is_kept] = *std::exchange(interruption_, std::nullopt);
  if (!Registers::kRestartsLate) return;
  if (result == kRestartBlock && !is_kept) result = kRestartNoHand;
  registers_.current().return_to_call(number, result);
  continues_call_ = false;
  mark_registers_dirty();
}

bool TracedThread::listen() {
  if (ptrace(PTRACE_LISTEN, thread_, nullptr, nullptr) != 0) return false;
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

bool TracedThread::has_entered_call() const {
  const auto* entry = std::get_if<activity::CallEntry>(&activity_);
  return entry != nullptr && entry->call.has_value();
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

void TracedThread::on_interrupted_call(const activity::EnteredCall& call) {
  Registers* registers;
  if (!call.is_reported || !get_registers(&registers).is_ok() || !is_interrupted(*registers)) return;
  if (registers->call().number == call.number) remade_call_ = {call.number, registers->stack()};
}

bool TracedThread::take_remade_call(int64_t number) {
  const std::optional<RemadeCall> remade = std::exchange(remade_call_, std::nullopt);
  Registers* registers;
  if (!remade || remade->number != number || !get_registers(&registers).is_ok()) return false;
  return registers->stack() == remade->stack;
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
  const auto* entry = std::get_if<activity::CallEntry>(&activity_);
  context->entered_call.reset();
  if (entry != nullptr && entry->call) context->entered_call = entry->call->number;
  context->reported_call = reported_call_;
  context->continues_call = continues_call_;
  context->interruption = interruption_;
  return Status::ok();
}

Status TracedThread::set_context(const Context& context) {
  if (Status status = check_stopped(); !status.is_ok()) return status;
  registers_.set(context.registers);
  question_ = context.question;
  reported_call_ = context.reported_call;
  continues_call_ = context.continues_call;
  interruption_ = context.interruption;
  if (context.entered_call) {
    registers_.current().rewind_call();
    reported_call_ = context.entered_call;
    set_entered_call({});
  }
  return registers_.set_blocked_signals(context.blocked_signals);
}

Status TracedThread::save(GrowingArray<std::byte>* bytes) {
  Registers* registers;
  ThreadState state;
  std::span<const std::byte> vectors;
  Status status = remember_interrupted_call();
  if (status.is_ok()) status = get_registers(&registers);
  if (status.is_ok()) status = registers_.get_vectors(&vectors);
  if (status.is_ok()) status = get_blocked_signals(&state.blocked_signals);
  if (!status.is_ok()) return status;
  state.registers = *registers;
  const bool asks_signal = asks(question::Kind::signal);
  // A pending choice or assertion is forgotten: the thread will stop for it again.
  if (pending_stop_) {
    if (const auto call = call_that_reports(pending_stop_->kind)) state.registers.rewind_call(*call);
  }
  const bool has_entered = has_entered_call(), makes_again = !has_entered && is_interrupted(*registers);
  if (makes_again && asks_signal) {
    // What comes of the signal decides whether the call is made again. A sleep then begins anew: what the
    // kernel remembers of it is no part of the state.
    if (registers->result() == kRestartBlock) state.registers.set_result(static_cast<uint64_t>(kRestartNoHand));
  } else if (has_entered || makes_again) {
    state.registers.rewind_call();
    if (makes_again) state.restart = restart_code(registers->result());
  } else {
    state.registers.cancel_call();
  }
  if (interruption_) state.restart = restart_code(interruption_->result);
  const bool is_before_call = has_entered || makes_again || continues_call_;
  if (is_before_call && interrupted_call_ && state.registers.next_call().number == Registers::kRestartCall) {
    state.registers.set_next_call(*interrupted_call_);
  }
  save_clock_wait(&state);
  state.thread = thread_;
  state.is_pending = pending_stop_ ? 1 : 0;
  state.has_faulting_counter = has_faulting_counter_ ? 1 : 0;
  if (!pending_stop_ || asks_signal) state.question = question::kind_of(question_);
  const auto* choice = std::get_if<question::Choice>(&question_);
  if (choice != nullptr && !pending_stop_) {
    state.alternatives = choice->alternatives, state.file = choice->file, state.line = choice->line;
  }
  if (asks_signal) state.signal = *asked_signal();
  state.vector_bytes = static_cast<uint32_t>(vectors.size());
  if (bytes->append(std::as_bytes(std::span(&state, 1))) && bytes->append(vectors)) return Status::ok();
  return Status::no_memory(sizeof(state) + vectors.size());
}

// The wait belongs to the call that the thread makes again, and to no other that has come since.
void TracedThread::save_clock_wait(ThreadState* state) const {
  if (!clock_wait_) return;
  const Registers& registers = state->registers;
  const SystemCall call = registers.is_in_call() ? registers.call() : registers.next_call();
  if (call.number != clock_wait_->call.number || call.arguments != clock_wait_->call.arguments) return;
  state->wait_end = clock_wait_->limit.end;
  state->wait_turn = clock_wait_->turn;
}

void TracedThread::load_clock_wait(const ThreadState& state) {
  clock_wait_.reset();
  if (state.wait_turn == 0) return;
  const Registers& registers = state.registers;
  const SystemCall call = registers.is_in_call() ? registers.call() : registers.next_call();
  const std::optional<WaitKind> kind = wait_kind_of(call);
  if (kind) clock_wait_.emplace(call, ClockLimit{*kind, state.wait_end}, state.wait_turn);
}

Status TracedThread::load(const ThreadState& state, std::span<const std::byte> vectors) {
  using question::Kind;
  if (Status status = check_stopped(); !status.is_ok()) return status;
  if (Status status = registers_.set_vectors(vectors); !status.is_ok()) return status;
  if (Status status = registers_.set_blocked_signals(state.blocked_signals); !status.is_ok()) return status;
  registers_.set(state.registers);
  set_entered_call({});
  load_clock_wait(state);
  has_faulting_counter_ = state.has_faulting_counter != 0;
  pending_stop_.reset();
  reported_call_.reset();
  remade_call_.reset();
  continues_call_ = false;
  wait_.reset();
  interruption_.reset();
  if (state.restart != 0) {
    interruption_ = {result_of(state.restart), registers_.current().next_call().number, false};
  }
  switch (state.question) {
    case Kind::none:
      question_ = question::None{};
      break;
    case Kind::choice:
      question_ = question::Choice{state.alternatives, state.file, state.line};
      break;
    case Kind::call:
      question_ = question::Call{};
      break;
    case Kind::process_exit:
      question_ = question::ProcessExit{};
      break;
    case Kind::thread_exit:
      question_ = question::ThreadExit{};
      break;
    case Kind::signal:
      question_ = question::Signal{state.signal};
      if (state.is_pending != 0) pending_stop_ = signal_stop();
      break;
  }
  // The entry of these calls was reported, and comes once more.
  if (asks(Kind::call) || asks(Kind::process_exit) || asks(Kind::thread_exit)) {
    reported_call_ = registers_.current().next_call().number;
  }
  return Status::ok();
}

Status TracedThread::run(int request, int signal) {
  PS_ASSERT(signal == 0 || request == PTRACE_DETACH || is_at(activity::Kind::signal_delivery));
  if (is_at(activity::Kind::signal_delivery) || is_at(activity::Kind::interrupted)) {
    if (Status status = remember_interrupted_call(); !status.is_ok()) return status;
  }
  if (interruption_) {
    const bool is_in_signal_code = is_at(activity::Kind::signal_delivery) || is_at(activity::Kind::interrupted);
    Registers* registers;
    if (Status status = get_registers(&registers); !status.is_ok()) return status;
    if (is_in_signal_code) {
      return_to_call();
    } else if (request != PTRACE_DETACH) {
      ptrace(PTRACE_INTERRUPT, thread_, nullptr, nullptr);
    }
  }
  // A handler may run; or the wait is over, and the call left.
  if (Registers * now; remade_call_ && get_registers(&now).is_ok()) {
    const bool is_made = is_interrupted(*now) || now->next_call().number == remade_call_->number;
    if (signal != 0 || !is_made) remade_call_.reset();
  }
  if (Status status = registers_.flush(); !status.is_ok()) return status;
  if (ptrace(static_cast<__ptrace_request>(request), thread_, nullptr, signal) != 0) {
    return errno == ESRCH ? Status::process_gone(thread_, "was killed")
                          : Status::system(Error::tracee, "running a thread (ptrace)", errno);
  }
  registers_.forget();
  activity::Running running;
  if (const auto* entry = std::get_if<activity::CallEntry>(&activity_); entry != nullptr) running.call = entry->call;
  if (const auto* vfork = std::get_if<activity::InsideVfork>(&activity_); vfork != nullptr) {
    running = {vfork->call, true};
  }
  // Its exit is not seen, nor what the thread calls then.
  if (running.call && request != PTRACE_SYSCALL) running.call->began = 0;
  enter(running);
  question_ = question::None{};
  pending_stop_.reset();
  if (wait_ && request != PTRACE_SYSCALL && !interruption_) wait_->is_unseen = true;
  continues_call_ = false;
  return Status::ok();
}

}  // namespace pagestore

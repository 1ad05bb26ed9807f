#include "ptrace/thread_state.h"
#include "ptrace/call_instruction.h"

#include <utility>

#include "ptrace/hidden_call.h"
#include "ptrace/traced_thread.h"
#include "ptrace/trap.h"

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
// Of a sleep that a rollback has put the thread into the kernel remembers nothing, so that it makes the call again.
// That is the same state as where it remembers.
int64_t remembered_result(const Registers& registers) {
  const bool is_sleep = interruption_of(registers.call()) == kRestartBlock;
  return is_sleep && registers.result() == kRestartNoHand ? kRestartBlock : registers.result();
}
int64_t result_of(uint8_t restart) {
  return kBeforeRestarts - restart;
}

}  // namespace

Status TracedThread::save(const RemoteMemory& memory, GrowingArray<std::byte>* bytes) {
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
    if (makes_again) state.restart = restart_code(remembered_result(*registers));
  } else {
    state.registers.cancel_call();
  }
  if (interruption_) state.restart = restart_code(interruption_->result);
  // Only the kernel that interrupted a call can go on with it. A thread may also have been left before the restart, at
  // a breakpoint or where a call is reported.
  if (interrupted_call_ && state.registers.next_call().number == Registers::kRestartCall) {
    const bool is_before_call = has_entered || makes_again || continues_call_ ||
                                is_call_instruction(memory, state.registers.instruction_pointer());
    if (is_before_call) state.registers.set_next_call(*interrupted_call_);
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
  const bool keeps_hidden_register =
      registers_.are_set() && registers_.current().hidden_register() == state.registers.hidden_register();
  if (is_at_hidden_register() && !keeps_hidden_register) is_hidden_register_lost_ = true;
  registers_.set(state.registers);
  set_entered_call({});
  load_clock_wait(state);
  has_faulting_counter_ = state.has_faulting_counter != 0;
  pending_stop_.reset();
  later_stop_.reset();
  repeated_call_.reset();
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
  if (asks(Kind::call) || asks(Kind::process_exit) || asks(Kind::thread_exit)) expect_repeated_call();
  return Status::ok();
}

}  // namespace pagestore

#include "ptrace/stub/stub_calls.h"

#include <signal.h>
#include <sys/syscall.h>

#include <cstring>
#include <utility>

#include "system/assert.h"

namespace pagestore {

namespace {

// As a value that a thread goes on with wherever it is stopped: no kernel steps back for it.
Registers as_instruction(const TracedThread& thread, Registers registers) {
  if (thread.has_entered_call()) {
    registers.rewind_call();
  } else if (is_interrupted(registers)) {
    registers.rewind_restart();
  }
  registers.cancel_call();
  return registers;
}

// What is left in the process by a call that nobody asks for the result of: a descriptor of ours.
bool gives_descriptor(const SystemCall& call) {
  return call.number == SYS_userfaultfd || call.number == SYS_eventfd2 || call.number == SYS_socket ||
         call.number == SYS_openat;
}

}  // namespace

bool StubCalls::closes_given(const SystemCall& call) const {
  return given_ && call.number == SYS_close && call.arguments[0] == *given_;
}

StubUndo StubCalls::undo_of(const SystemCall& call) const {
  StubUndo undo;
  if (gives_descriptor(call)) undo.number = SYS_close;
  if (given_ && !closes_given(call)) undo.number_before = SYS_close, undo.given_before = *given_;
  return undo;
}

std::array<SystemCall, 3> StubCalls::calls_behind(const SystemCall& call) const {
  constexpr uint64_t kSignalBytes = 8;
  const StubUndo undo = undo_of(call);
  return {SystemCall{static_cast<int64_t>(undo.number), {0, 0, 0, kSignalBytes}},
          SystemCall{static_cast<int64_t>(undo.number_before), {undo.given_before, 0, 0, kSignalBytes}},
          SystemCall{SYS_rt_sigprocmask, {SIG_SETMASK, 0, 0, kSignalBytes}}};
}

void StubCalls::note(const SystemCall& call, int64_t result) {
  if (gives_descriptor(call) && result >= 0) {
    given_ = static_cast<uint64_t>(result);
  } else if (closes_given(call)) {
    given_.reset();
  }
}

// A slot is written only when nobody is in it: there are two, and one thread in one of them.
Status StubCalls::leave(const TracedThread* but) {
  if (inside_ == 0 || (but != nullptr && but->id() == inside_)) return Status::ok();
  TracedThread* thread = threads_.find(std::exchange(inside_, 0));
  return thread != nullptr && thread->is_stopped() ? thread->flush_registers() : Status::ok();
}

Status StubCalls::write(TracedThread& thread, const StubUndo& undo, const ArgumentBytes& argument,
                        RemoteAddress* slot) {
  PS_ASSERT(argument.bytes.size() <= kMostArgumentBytes);
  Registers* registers;
  uint64_t blocked;
  if (Status status = leave(&thread); !status.is_ok()) return status;
  if (Status status = thread.get_registers(&registers); !status.is_ok()) return status;
  if (Status status = thread.get_blocked_signals(&blocked); !status.is_ok()) return status;
  Stub stub = Stub::make(as_instruction(thread, *registers), blocked, undo);
  if (!argument.bytes.empty()) memcpy(stub.data.argument.data(), argument.bytes.data(), argument.bytes.size());
  if (Status status = slots_.write(stub, threads_, slot); !status.is_ok()) return status;
  inside_ = thread.id();
  return Status::ok();
}

Status StubCalls::enter(TracedThread& thread, SystemCall call, const ArgumentBytes& argument) {
  RemoteAddress slot;
  Registers* registers;
  if (Status status = write(thread, undo_of(call), argument, &slot); !status.is_ok()) return status;
  if (!argument.bytes.empty()) call.arguments[argument.argument] = slot.value() + Stub::kArgument;
  if (Status status = thread.get_registers(&registers); !status.is_ok()) return status;
  if (thread.is_at(activity::Kind::call_entry)) {
    registers->replace(call);
    registers->instruction_pointer() = slot.value() + Stub::kBehindCall;
  } else {
    registers->prepare(call, slot);
  }
  thread.mark_registers_dirty();
  if (Status status = thread.flush_registers(); !status.is_ok()) return status;
  return thread.set_blocked_signals(UINT64_MAX);
}

Status StubCalls::enter(TracedThread& thread) {
  RemoteAddress slot;
  Registers* registers;
  if (Status status = write(thread, {}, {}, &slot); !status.is_ok()) return status;
  if (Status status = thread.get_registers(&registers); !status.is_ok()) return status;
  registers->cancel_call();
  registers->instruction_pointer() = slot.value() + Stub::kReturn;
  thread.mark_registers_dirty();
  return thread.flush_registers();
}

Status StubCalls::clear() {
  if (Status status = leave(nullptr); !status.is_ok()) return status;
  slots_.clear();
  return Status::ok();
}

}  // namespace pagestore

#include "ptrace/thread.h"

#include "ptrace/trap.h"

#include <elf.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>

namespace pagestore {

namespace {

// Requests that some headers lack.
constexpr auto kGetBlocked = static_cast<__ptrace_request>(0x420a), kSetBlocked = static_cast<__ptrace_request>(0x420b);
constexpr size_t kMostVectorBytes = 16 << 10;

bool transfer(__ptrace_request request, pid_t thread, unsigned long kind, void* data, size_t* bytes) {
  iovec vector{data, *bytes};
  if (ptrace(request, thread, kind, &vector) != 0) return false;
  *bytes = vector.iov_len;
  return true;
}

#if defined(__x86_64__)

constexpr unsigned long kVectors = NT_X86_XSTATE;

bool read_registers(pid_t thread, X86Registers* registers) {
  return ptrace(PTRACE_GETREGS, thread, nullptr, registers) == 0;
}
bool write_registers(pid_t thread, const X86Registers& registers) {
  return ptrace(PTRACE_SETREGS, thread, nullptr, &registers) == 0;
}

#else

constexpr unsigned long kVectors = NT_FPREGSET;
constexpr unsigned long kCallNumber = 0x404;  // NT_ARM_SYSTEM_CALL

bool read_registers(pid_t thread, Arm64Registers* registers) {
  size_t general = offsetof(Arm64Registers, call_number), tls = sizeof(registers->tpidr);
  int number = -1;
  size_t number_bytes = sizeof(number);
  if (!transfer(PTRACE_GETREGSET, thread, NT_PRSTATUS, registers, &general) ||
      !transfer(PTRACE_GETREGSET, thread, kCallNumber, &number, &number_bytes) ||
      !transfer(PTRACE_GETREGSET, thread, NT_ARM_TLS, &registers->tpidr, &tls)) {
    return false;
  }
  registers->call_number = static_cast<uint64_t>(int64_t{number});
  return true;
}
bool write_registers(pid_t thread, const Arm64Registers& registers) {
  Arm64Registers copy = registers;
  size_t general = offsetof(Arm64Registers, call_number), tls = sizeof(copy.tpidr);
  int number = static_cast<int>(copy.call_number);
  size_t number_bytes = sizeof(number);
  return transfer(PTRACE_SETREGSET, thread, NT_PRSTATUS, &copy, &general) &&
         transfer(PTRACE_SETREGSET, thread, kCallNumber, &number, &number_bytes) &&
         transfer(PTRACE_SETREGSET, thread, NT_ARM_TLS, &copy.tpidr, &tls);
}

#endif

Status no_memory(size_t bytes) {
  return Status::out_of_memory("realloc", bytes, ENOMEM);
}

}  // namespace

Status TracedThread::refused(const char* what) const {
  if (errno != ESRCH) return Status::system(Error::tracee, what, errno);
  if (place == Place::running) return Status::system(Error::tracee, "a thread that waits in vfork", EBUSY);
  return Status::process_gone(thread_, "was killed");
}

Status TracedThread::get_registers(Registers** registers) {
  *registers = &registers_;
  if (has_registers_) return Status::ok();
  if (!read_registers(thread_, &registers_)) return refused("reading registers");
  has_registers_ = true;
  return Status::ok();
}

Status TracedThread::get_vectors() {
  if (has_vectors_) return Status::ok();
  if (!vectors_.resize(kMostVectorBytes)) return no_memory(kMostVectorBytes);
  size_t bytes = kMostVectorBytes;
  if (!transfer(PTRACE_GETREGSET, thread_, kVectors, vectors_.data(), &bytes)) {
    return refused("reading vector registers");
  }
  static_cast<void>(vectors_.resize(bytes));
  has_vectors_ = true;
  return Status::ok();
}

Status TracedThread::get_blocked(uint64_t* signals) {
  if (!has_blocked_ && ptrace(kGetBlocked, thread_, sizeof(blocked_), &blocked_) != 0) {
    return refused("reading blocked signals");
  }
  has_blocked_ = true;
  *signals = blocked_;
  return Status::ok();
}

Status TracedThread::block(uint64_t signals) {
  if (has_blocked_ && signals == blocked_) return Status::ok();
  has_blocked_ = false;
  if (ptrace(kSetBlocked, thread_, sizeof(signals), &signals) != 0) return refused("blocking signals");
  blocked_ = signals;
  has_blocked_ = true;
  return Status::ok();
}

// A sleep that goes on does so by another call, which is interrupted in its turn.
Status TracedThread::note_interrupted() {
  Registers* registers;
  if (Status status = get_registers(&registers); !status.is_ok()) return status;
  if (place == Place::call_entry || !registers->is_in_call() || registers->result() != kRestartBlock) {
    return Status::ok();
  }
  const int64_t number = registers->call().number;
  if (number != Registers::kRestartCall) interrupted_call_ = number;
  return Status::ok();
}

void TracedThread::was_interrupted() {
  place = Place::interrupted;
  Registers* registers;
  // Calls that the system never makes again by itself; the one that cannot be made twice says that it was.
  if (!Registers::kRestartsLate || !get_registers(&registers).is_ok()) return;
  if (!registers->is_in_call() || registers->result() != -EINTR || registers->call().number == SYS_connect) return;
  registers->set_result(static_cast<uint64_t>(kRestartNoHand));
  changed();
}

Status TracedThread::settle() {
  if (Status status = note_interrupted(); !status.is_ok()) return status;
  if (place == Place::call_entry || offer == Offer::signal) return Status::ok();
  if (!registers_.is_in_call() || !is_restart(registers_.result())) return Status::ok();
  goes_on_ = registers_.result() == kRestartBlock;
  registers_.before_restart();
  changed();
  return Status::ok();
}

Status TracedThread::miss_signal() {
  Registers* registers;
  if (Status status = get_registers(&registers); !status.is_ok()) return status;
  if (!registers->is_in_call() || !is_restart(registers->result())) return Status::ok();
  registers->before_call();
  changed();
  return Status::ok();
}

void TracedThread::begin_anew() {
  has_registers_ = must_write_ = has_vectors_ = has_blocked_ = has_news_ = goes_on_ = false;
  interrupted_call_ = call = swallowed_call = -1;
  swallows_filter = is_held = false;
  offer = Offer::none;
  id_address = 0;
}

void TracedThread::stand_again(const Standing& standing) {
  offer = standing.offer;
  call = standing.call;
  swallowed_call = standing.swallowed_call;
  goes_on_ = standing.goes_on;
  // It had entered a call, and will do so again.
  if (standing.has_entered) {
    registers_.before_call();
    swallowed_call = std::exchange(call, -1);
    swallows_filter = false;
  }
  changed();
}

Status TracedThread::save(GrowingArray<std::byte>* bytes) {
  Registers* registers;
  ThreadState state;
  Status status = note_interrupted();
  if (status.is_ok()) status = get_registers(&registers);
  if (status.is_ok()) status = get_vectors();
  if (status.is_ok()) status = get_blocked(&state.blocked_signals);
  if (!status.is_ok()) return status;
  state.registers = *registers;
  // The next instruction is what counts. A sleep that was interrupted begins anew: what the kernel
  // remembers of it is no part of the state. What nobody was told it will stop for again.
  const bool comes_again = has_news_ && (news_.kind == StopKind::choice || news_.kind == StopKind::assertion);
  if (comes_again) state.registers.before_call(news_.kind == StopKind::choice ? trap::kChoose : trap::kAssert);
  const bool is_interrupted = !has_entered() && registers->is_in_call() && is_restart(registers->result());
  if (is_interrupted && offer == Offer::signal) {
    // Whether the call is made again depends on what comes of the signal.
    if (registers->result() == kRestartBlock) state.registers.set_result(static_cast<uint64_t>(kRestartNoHand));
  } else if (has_entered() || is_interrupted) {
    state.registers.before_call();
  } else {
    state.registers.leave_call();
  }
  const bool is_before_call = has_entered() || is_interrupted || goes_on_;
  if (is_before_call && interrupted_call_ >= 0 && state.registers.next_call().number == Registers::kRestartCall) {
    state.registers.make(interrupted_call_);
  }
  state.thread = thread_;
  state.offer = has_news_ && offer != Offer::signal ? Offer::none : offer;
  if (state.offer == Offer::choice) state.ways = ways, state.file = file, state.line = line;
  state.is_unreported = has_news_ ? 1 : 0;
  if (offer == Offer::signal) state.signal = signal;
  state.vector_bytes = static_cast<uint32_t>(vectors_.size());
  if (bytes->append(std::as_bytes(std::span(&state, 1))) && bytes->append({vectors_.data(), vectors_.size()})) {
    return Status::ok();
  }
  return no_memory(sizeof(state) + vectors_.size());
}

Status TracedThread::load(const ThreadState& state, std::span<const std::byte> vectors) {
  const bool same_vectors =
      has_vectors_ && vectors.size() == vectors_.size() && memcmp(vectors.data(), vectors_.data(), vectors.size()) == 0;
  if (!same_vectors) {
    has_vectors_ = false;
    if (!vectors_.resize(vectors.size())) return no_memory(vectors.size());
    memcpy(vectors_.data(), vectors.data(), vectors.size());
    size_t bytes = vectors_.size();
    if (!transfer(PTRACE_SETREGSET, thread_, kVectors, vectors_.data(), &bytes)) {
      return refused("writing vector registers");
    }
    has_vectors_ = true;
  }
  if (Status status = block(state.blocked_signals); !status.is_ok()) return status;
  registers_ = state.registers;
  has_registers_ = true;
  changed();
  call = -1;
  offer = state.offer;
  ways = state.ways;
  file = state.file;
  line = state.line;
  const bool was_told = offer == Offer::call || offer == Offer::end_of_process || offer == Offer::end_of_thread;
  swallowed_call = was_told ? registers_.next_call().number : -1;
  swallows_filter = false;
  has_news_ = goes_on_ = false;
  if (offer == Offer::signal) {
    signal = state.signal;
    if (state.is_unreported != 0) tell_later(signal_stop());
  }
  return Status::ok();
}

Status TracedThread::flush() {
  if (!must_write_) return Status::ok();
  if (!write_registers(thread_, registers_)) return refused("writing registers");
  must_write_ = false;
  return Status::ok();
}

Status TracedThread::run(int request, int signal) {
  if (place == Place::signal || place == Place::interrupted) {
    if (Status status = note_interrupted(); !status.is_ok()) return status;
  }
  if (Status status = flush(); !status.is_ok()) return status;
  if (ptrace(static_cast<__ptrace_request>(request), thread_, nullptr, signal) != 0) return refused("ptrace");
  has_registers_ = has_vectors_ = has_blocked_ = false;
  place = Place::running;
  if (request != PTRACE_SYSCALL) call = -1;
  offer = Offer::none;
  has_news_ = goes_on_ = false;
  return Status::ok();
}

Stop TracedThread::signal_stop() const {
  Stop stop;
  stop.kind = StopKind::signal;
  stop.thread = thread_;
  stop.value = signal.si_signo;
  const bool is_fault = signal.si_signo == SIGSEGV || signal.si_signo == SIGBUS || signal.si_signo == SIGILL ||
                        signal.si_signo == SIGFPE || signal.si_signo == SIGTRAP;
  stop.has_address = is_fault && signal.si_code > 0;
  if (stop.has_address) stop.address = reinterpret_cast<uint64_t>(signal.si_addr);
  return stop;
}

}  // namespace pagestore

// General registers of arm64: as the kernel hands them over, followed by the number of the call that the
// thread is in and the base of its thread-local storage, which the kernel hands over separately.
//
// Where this kernel decides about signals, it has stepped back already out of a call that was interrupted: it shows the
// thread before the call, with the first argument, and keeps to itself that there is a call and how it ended, which
// says whether a handler ends it. Here such a thread is shown as on other processors (hidden_call.h): behind the call,
// in it, with the result that says how it ended. As results are where first arguments are, that one has a word of its
// own.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "linux/remote_address.h"
#include "ptrace/system_call.h"

namespace pagestore {

struct Arm64Registers {
  uint64_t x[31], sp, pc, pstate;
  uint64_t call_number, tpidr;
  uint64_t first_argument;  // of the call that was interrupted

  static constexpr std::array kNames = {
      "x0",  "x1",  "x2",  "x3",  "x4",  "x5",  "x6",  "x7",     "x8",      "x9",    "x10",    "x11", "x12",
      "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x20",    "x21",     "x22",   "x23",    "x24", "x25",
      "x26", "x27", "x28", "x29", "x30", "sp",  "pc",  "pstate", "syscall", "tpidr", "orig_x0"};
  // brk #0, and svc #0.
  static constexpr std::array kBreakpoint = {std::byte{0x00}, std::byte{0x00}, std::byte{0x20}, std::byte{0xd4}};
  static constexpr std::array kCall = {std::byte{0x01}, std::byte{0x00}, std::byte{0x00}, std::byte{0xd4}};
  static constexpr uint64_t kPastBreakpoint = 0;
  static constexpr uint64_t kRedZone = 0;
  static constexpr int64_t kRestartCall = 128;
  static constexpr bool kHidesCalls = true;
  static constexpr bool kHidesRegister = true;

  uint64_t& instruction_pointer() { return pc; }
  uint64_t stack() const { return sp; }
  uint64_t thread_area() const { return tpidr; }
  int64_t result() const { return static_cast<int64_t>(x[0]); }
  void set_result(uint64_t value) { x[0] = value; }
  bool is_in_call() const { return static_cast<int32_t>(call_number) >= 0; }
  // In the processor's state for programs of 32 bits, where our calls would mean something else.
  bool runs_32_bit_code() const { return (pstate & 0x10) != 0; }

  SystemCall call() const {
    return {static_cast<int32_t>(call_number), {first_of_call(), x[1], x[2], x[3], x[4], x[5]}};
  }
  SystemCall next_call() const { return {static_cast<int64_t>(x[8]), {x[0], x[1], x[2], x[3], x[4], x[5]}}; }

  // Why a tracer cannot make one of the other: nothing is known that forbids it.
  static constexpr const char* obstacle(const Arm64Registers&, const Arm64Registers&) { return nullptr; }

  void prepare(const SystemCall& call, RemoteAddress instruction) {
    replace(call);
    x[8] = call_number;
    cancel_call();
    pc = instruction.value();
  }
  void replace(const SystemCall& call) {
    call_number = static_cast<uint64_t>(call.number);
    for (size_t i = 0; i < call.arguments.size(); ++i) x[i] = call.arguments[i];
    first_argument = 0;
  }

  void rewind_call() { rewind_call(call().number); }
  void rewind_call(int64_t number) {
    x[0] = first_of_call();
    x[8] = static_cast<uint64_t>(number);
    pc -= kCall.size();
    cancel_call();
  }
  void rewind_restart() { rewind_call(result() == kRestartBlock ? kRestartCall : call().number); }
  void return_to_call(int64_t number, int64_t result) {
    pc += kCall.size();
    call_number = x[8] = static_cast<uint64_t>(number);
    first_argument = x[0];
    x[0] = static_cast<uint64_t>(result);
  }
  void set_next_call(int64_t number) { x[8] = static_cast<uint64_t>(number); }
  void cancel_call() {
    call_number = UINT64_MAX;
    first_argument = 0;
  }
  // At the entry and the exit of a call it says which of both it is.
  uint64_t hidden_register() const { return x[7]; }
  void set_hidden_register(uint64_t value) { x[7] = value; }

  // At the exit of a call: what its first argument was.
  void keep_first_argument(uint64_t argument) { first_argument = argument; }
  bool is_in_same_call(const Arm64Registers& other) const {
    return pc == other.pc && sp == other.sp && call_number == other.call_number &&
           first_argument == other.first_argument;
  }
  // As the kernel has them where it has stepped back.
  Arm64Registers stepped_back() const {
    Arm64Registers registers = *this;
    if (is_interrupted_here()) registers.x[0] = first_argument, registers.pc -= kCall.size();
    registers.cancel_call();
    return registers;
  }

  // Not needed here, where no breakpoint is kept by the kernel.
  void pass_breakpoint() {}

  void set_argument(size_t i, uint64_t value) {
    if (i == 0 && is_interrupted_here()) {
      first_argument = value;
    } else {
      x[i] = value;
    }
  }
  // The result is where the first argument was.
  void put_back_argument(size_t i, uint64_t value) {
    if (i != 0 || is_interrupted_here()) set_argument(i, value);
  }

  // Those that DWARF numbers.
  constexpr std::array<uint64_t, 33> by_dwarf_number() const {
    std::array<uint64_t, 33> registers{};
    for (size_t i = 0; i < 31; ++i) registers[i] = x[i];
    registers[31] = sp;
    registers[32] = pc;
    return registers;
  }
  // Of the processor's state all but the condition flags, the kind of the last branch and a tracer's step.
  std::array<uint64_t, 16> kept_by_calls() const {
    constexpr uint64_t kLostState = 0xf0000000 | 3 << 10 | 1 << 21;
    return {pc,    sp,    x[19], x[20], x[21], x[22], x[23], x[24],
            x[25], x[26], x[27], x[28], x[29], x[30], tpidr, pstate & ~kLostState};
  }
  // The lower halves of v8 to v15, how floating-point numbers are rounded, and which exceptions there were.
  static std::array<uint64_t, 9> kept_vectors(std::span<const std::byte> vectors) {
    constexpr size_t kRegisterBytes = 16, kFirstKept = 8, kStatus = 32 * kRegisterBytes;
    std::array<uint64_t, 9> kept{};
    if (vectors.size() < kStatus + sizeof(uint64_t)) return kept;
    for (size_t i = 0; i < 8; ++i) memcpy(&kept[i], &vectors[(kFirstKept + i) * kRegisterBytes], sizeof(kept[i]));
    memcpy(&kept[8], &vectors[kStatus], sizeof(kept[8]));
    return kept;
  }

 private:
  bool is_interrupted_here() const { return is_in_call() && is_restart(result()); }
  // At the entry of a call there is no result yet.
  uint64_t first_of_call() const { return is_interrupted_here() ? first_argument : x[0]; }
};
static_assert(sizeof(Arm64Registers) == Arm64Registers::kNames.size() * sizeof(uint64_t));

}  // namespace pagestore

// General registers of arm64: as the kernel hands them over, followed by the number of the call that the
// thread is in and the base of its thread-local storage, which the kernel hands over separately.
//
// Compiled and tested as values; not run on an arm64 kernel yet.
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

  static constexpr std::array kNames = {"x0",  "x1",  "x2",  "x3",  "x4",  "x5",  "x6",     "x7",      "x8",
                                        "x9",  "x10", "x11", "x12", "x13", "x14", "x15",    "x16",     "x17",
                                        "x18", "x19", "x20", "x21", "x22", "x23", "x24",    "x25",     "x26",
                                        "x27", "x28", "x29", "x30", "sp",  "pc",  "pstate", "syscall", "tpidr"};
  // brk #0, and svc #0.
  static constexpr std::array kBreakpoint = {std::byte{0x00}, std::byte{0x00}, std::byte{0x20}, std::byte{0xd4}};
  static constexpr std::array kCall = {std::byte{0x01}, std::byte{0x00}, std::byte{0x00}, std::byte{0xd4}};
  static constexpr uint64_t kPastBreakpoint = 0;
  static constexpr uint64_t kRedZone = 0;
  static constexpr int64_t kRestartCall = 128;
  static constexpr bool kRestartsLate = false;  // whether a call is made again is decided before an interruption

  uint64_t& instruction_pointer() { return pc; }
  uint64_t stack() const { return sp; }
  uint64_t thread_area() const { return tpidr; }
  int64_t result() const { return static_cast<int64_t>(x[0]); }
  void set_result(uint64_t value) { x[0] = value; }
  bool is_in_call() const { return static_cast<int32_t>(call_number) >= 0; }
  // In the processor's state for programs of 32 bits, where our calls would mean something else.
  bool runs_32_bit_code() const { return (pstate & 0x10) != 0; }

  SystemCall call() const { return {static_cast<int32_t>(call_number), {x[0], x[1], x[2], x[3], x[4], x[5]}}; }
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
  }

  // At the entry of a call there is no result yet: it shares a register with the first argument. For a call
  // that was interrupted the kernel steps back itself before a tracer sees the thread.
  void rewind_call() {
    pc -= kCall.size();
    cancel_call();
  }
  void rewind_call(int64_t number) {
    x[8] = static_cast<uint64_t>(number);
    rewind_call();
  }
  void rewind_restart() { rewind_call(); }
  // Not possible here, where kRestartsLate is false.
  void return_to_call(int64_t, int64_t) {}
  void set_next_call(int64_t number) { x[8] = static_cast<uint64_t>(number); }
  void cancel_call() { call_number = UINT64_MAX; }

  // Not needed here, where no breakpoint is kept by the kernel.
  void pass_breakpoint() {}

  void set_argument(size_t i, uint64_t value) { x[i] = value; }
  // The result is where the first argument was, which the kernel remembers by itself.
  void put_back_argument(size_t i, uint64_t value) {
    if (i != 0) x[i] = value;
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
};
static_assert(sizeof(Arm64Registers) == Arm64Registers::kNames.size() * sizeof(uint64_t));

}  // namespace pagestore

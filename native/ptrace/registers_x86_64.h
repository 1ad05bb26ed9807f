// General registers of x86-64, in the order in which the kernel hands them over.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "ptrace/register_call.h"

namespace pagestore {

struct X86Registers {
  uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi, orig_rax, rip, cs, eflags, rsp, ss,
      fs_base, gs_base, ds, es, fs, gs;

  static constexpr std::array kNames = {"r15",    "r14", "r13", "r12",     "rbp",     "rbx", "r11",      "r10", "r9",
                                        "r8",     "rax", "rcx", "rdx",     "rsi",     "rdi", "orig_rax", "rip", "cs",
                                        "eflags", "rsp", "ss",  "fs_base", "gs_base", "ds",  "es",       "fs",  "gs"};
  static constexpr std::array kBreakpoint = {std::byte{0xcc}};
  static constexpr std::array kCall = {std::byte{0x0f}, std::byte{0x05}};
  static constexpr uint64_t kPastBreakpoint = kBreakpoint.size();  // how far behind it a thread stops
  static constexpr uint64_t kRedZone = 128;                        // below the stack pointer, and still in use
  static constexpr int64_t kRestartCall = 219;                     // goes on with a call that was interrupted
  static constexpr bool kRestartsLate = true;  // the kernel decides about it after an interruption, not before

  uint64_t& at() { return rip; }
  uint64_t stack() const { return rsp; }
  uint64_t thread_area() const { return fs_base; }
  int64_t result() const { return static_cast<int64_t>(rax); }
  void set_result(uint64_t value) { rax = value; }
  bool is_in_call() const { return static_cast<int64_t>(orig_rax) >= 0; }

  // That a thread has made, or is about to make.
  RegisterCall call() const { return {static_cast<int64_t>(orig_rax), {rdi, rsi, rdx, r10, r8, r9}}; }
  RegisterCall next_call() const { return {static_cast<int64_t>(rax), {rdi, rsi, rdx, r10, r8, r9}}; }

  // The thread makes `call` when it runs from the call instruction at `instruction`.
  void prepare(const RegisterCall& call, uint64_t instruction) {
    replace(call);
    rax = orig_rax;
    orig_rax = UINT64_MAX;
    rip = instruction;
  }
  // The thread has entered a call, and makes `call` instead.
  void replace(const RegisterCall& call) {
    const auto& a = call.arguments;
    orig_rax = static_cast<uint64_t>(call.number);
    rdi = a[0], rsi = a[1], rdx = a[2], r10 = a[3], r8 = a[4], r9 = a[5];
  }

  // As if the call that it is in had not been made yet.
  void before_call() {
    rax = orig_rax;
    step_back();
  }
  // As if it were about to make the call of that number, whose arguments it still has.
  void before_call(int64_t number) {
    rax = static_cast<uint64_t>(number);
    step_back();
  }
  // As if it were about to go on with the call that was interrupted, with what the kernel remembers of it.
  void before_restart() {
    rax = result() == kRestartBlock ? static_cast<uint64_t>(kRestartCall) : orig_rax;
    step_back();
  }
  // The call that it is about to make is this one, with the same arguments.
  void make(int64_t number) { rax = static_cast<uint64_t>(number); }
  // Whatever it is in, nothing comes of it.
  void leave_call() { orig_rax = UINT64_MAX; }

  // What a function that is called must leave as it is.
  std::array<uint64_t, 8> kept_by_calls() const { return {rip, rsp, rbp, rbx, r12, r13, r14, r15}; }

 private:
  void step_back() {
    rip -= kCall.size();
    leave_call();
  }
};
static_assert(sizeof(X86Registers) == X86Registers::kNames.size() * sizeof(uint64_t));

}  // namespace pagestore

// General registers of x86-64, in the order in which the kernel hands them over (PTRACE_GETREGS), and what this
// processor's calls and breakpoints look like.
//
// A value: nothing here asks the kernel. Whoever changes registers writes them back (register_cache.h).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "linux/remote_address.h"
#include "ptrace/system_call.h"

namespace pagestore {

struct X86Registers {
  uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi, orig_rax, rip, cs, eflags, rsp, ss,
      fs_base, gs_base, ds, es, fs, gs;

  static constexpr std::array kNames = {"r15",    "r14", "r13", "r12",     "rbp",     "rbx", "r11",      "r10", "r9",
                                        "r8",     "rax", "rcx", "rdx",     "rsi",     "rdi", "orig_rax", "rip", "cs",
                                        "eflags", "rsp", "ss",  "fs_base", "gs_base", "ds",  "es",       "fs",  "gs"};
  static constexpr std::array kBreakpoint = {std::byte{0xcc}};
  static constexpr std::array kCall = {std::byte{0x0f}, std::byte{0x05}};
  static constexpr uint64_t kPastBreakpoint = kBreakpoint.size();  // how far past it a thread stops
  static constexpr uint64_t kRedZone = 128;                        // bytes below the stack pointer that are in use
  static constexpr int64_t kRestartCall = 219;                     // restart_syscall: goes on with an interrupted call
  // Whether the kernel hides from a tracer that a thread was interrupted in a call (registers_arm64.h).
  static constexpr bool kHidesCalls = false;
  // Whether it hides one of the registers where a thread enters or leaves a call (hidden_register.h).
  static constexpr bool kHidesRegister = false;

  uint64_t& instruction_pointer() { return rip; }
  uint64_t stack() const { return rsp; }
  uint64_t thread_area() const { return fs_base; }
  int64_t result() const { return static_cast<int64_t>(rax); }
  void set_result(uint64_t value) { rax = value; }
  bool is_in_call() const { return static_cast<int64_t>(orig_rax) >= 0; }
  // In the kernel's code segment for programs of 32 bits, where our calls would mean something else.
  bool runs_32_bit_code() const { return cs == 0x23; }

  // The call that a thread is in; the one that it is about to make.
  SystemCall call() const { return {static_cast<int64_t>(orig_rax), {rdi, rsi, rdx, r10, r8, r9}}; }
  SystemCall next_call() const { return {static_cast<int64_t>(rax), {rdi, rsi, rdx, r10, r8, r9}}; }

  // The thread makes `call` when it runs, from the call instruction at `instruction`.
  void prepare(const SystemCall& call, RemoteAddress instruction) {
    replace(call);
    rax = orig_rax;
    orig_rax = UINT64_MAX;
    rip = instruction.value();
  }
  // The thread has entered a call, and makes `call` instead.
  void replace(const SystemCall& call) {
    const auto& a = call.arguments;
    orig_rax = static_cast<uint64_t>(call.number);
    rdi = a[0], rsi = a[1], rdx = a[2], r10 = a[3], r8 = a[4], r9 = a[5];
  }

  // The thread is before the call that it is in, as if it had not made it yet.
  void rewind_call() {
    rax = orig_rax;
    step_back();
  }
  // The same for the call of that number, whose arguments the registers still hold.
  void rewind_call(int64_t number) {
    rax = static_cast<uint64_t>(number);
    step_back();
  }
  // The thread is about to go on with the interrupted call, with what the kernel remembers of it.
  void rewind_restart() {
    rax = result() == kRestartBlock ? static_cast<uint64_t>(kRestartCall) : orig_rax;
    step_back();
  }
  // It was about to make that call again: now it is in it, with this result.
  void return_to_call(int64_t number, int64_t result) {
    rip += kCall.size();
    orig_rax = static_cast<uint64_t>(number);
    rax = static_cast<uint64_t>(result);
  }
  // The thread is about to make this call instead, with the same arguments.
  void set_next_call(int64_t number) { rax = static_cast<uint64_t>(number); }
  // The call that the thread is in is not made, or not made again.
  void cancel_call() { orig_rax = UINT64_MAX; }
  // Nothing is hidden: these are of use for arm64 alone.
  uint64_t hidden_register() const { return 0; }
  void set_hidden_register(uint64_t) {}
  void keep_first_argument(uint64_t) {}
  bool is_in_same_call(const X86Registers& other) const {
    return rip == other.rip && rsp == other.rsp && orig_rax == other.orig_rax && rdi == other.rdi;
  }
  X86Registers stepped_back() const { return *this; }

  // The next instruction is executed although the kernel keeps a breakpoint there (the processor's resume flag).
  void pass_breakpoint() { eflags |= 1 << 16; }

  // One of the arguments of the call that the thread has entered, or has left and is put back.
  void set_argument(size_t i, uint64_t value) {
    uint64_t* const arguments[] = {&rdi, &rsi, &rdx, &r10, &r8, &r9};
    *arguments[i] = value;
  }
  void put_back_argument(size_t i, uint64_t value) { set_argument(i, value); }

  // Why a tracer cannot make `wanted` of `now`, which the kernel has: there are flags that it lets the program alone
  // change. Null if nothing forbids it. One bit is always set, but older kernels show it clear when a program begins.
  static constexpr const char* obstacle(const X86Registers& now, const X86Registers& wanted) {
    constexpr uint64_t kSettableFlags = 0x5'4dd5, kAlwaysSet = 1 << 1;
    const bool is_free = ((now.eflags ^ wanted.eflags) & ~(kSettableFlags | kAlwaysSet)) == 0;
    return is_free ? nullptr : "a flag of the processor (ID) that only the program itself can change back";
  }
  // The selectors 0 to 3 stand for no segment. The processor makes 0 of the others whenever a thread leaves the kernel
  // by an interrupt's way, so no program can keep anything there; and a tracer may not write 1 and 2.
  constexpr void clear_null_selectors() {
    for (uint64_t* selector : {&ds, &es, &fs, &gs}) {
      if (*selector <= 3) *selector = 0;
    }
  }

  // Those that DWARF numbers, with the return address last: it is nothing that a stopped thread has.
  constexpr std::array<uint64_t, 17> by_dwarf_number() const {
    return {rax, rdx, rcx, rbx, rsi, rdi, rbp, rsp, r8, r9, r10, r11, r12, r13, r14, r15, rip};
  }
  // The registers that a called function preserves. Of the flags those that no arithmetic changes: the direction of
  // strings, nested tasks, the alignment check, and the one that CPUID shows itself by.
  std::array<uint64_t, 12> kept_by_calls() const {
    constexpr uint64_t kKeptFlags = 1 << 10 | 1 << 14 | 1 << 18 | 1 << 21;
    const uint64_t selectors = (fs & 0xffff) | (gs & 0xffff) << 16 | (ds & 0xffff) << 32 | es << 48;
    return {rip, rsp, rbp, rbx, r12, r13, r14, r15, fs_base, gs_base, selectors, eflags & kKeptFlags};
  }
  // And of the vector registers, as the kernel packs them (the layout of FXSAVE comes first): how floating-point
  // numbers are rounded, and which exceptions there were. A call need not keep those by the ABI, but by the C standard
  // it does not clear them (7.6), so a program may ask for them at any time after.
  static std::array<uint64_t, 2> kept_vectors(std::span<const std::byte> vectors) {
    constexpr uint32_t kExceptions = 0x7f;
    uint16_t control = 0, status = 0;
    uint32_t mxcsr = 0;
    if (vectors.size() >= 28) {
      memcpy(&control, vectors.data(), sizeof(control));
      memcpy(&status, vectors.data() + 2, sizeof(status));
      memcpy(&mxcsr, vectors.data() + 24, sizeof(mxcsr));
    }
    return {control | uint64_t{status & kExceptions} << 16, mxcsr};
  }

 private:
  void step_back() {
    rip -= kCall.size();
    cancel_call();
  }
};
static_assert(sizeof(X86Registers) == X86Registers::kNames.size() * sizeof(uint64_t));

}  // namespace pagestore

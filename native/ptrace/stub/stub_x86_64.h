// The stub of x86-64: code and data that make a thread put itself back, planted in memory of the process.
//
//     syscall                     the injected call; while we live, a thread executes nothing else of this
//     close(result)               or what else takes back what the call has given; or a call without an effect
//     close(…)                    the same for what an earlier call has given
//     rt_sigprocmask(…)           the blocked signals of the thread
//     mov …, %rax …               the registers that the calls use, out of the data
//     jmp *…                      to where the thread was
//
// It uses no stack, and no instruction of it changes a flag, a vector register, or a register that the data does not
// have. So it has no branch: what is taken back is taken back by a call that is refused where there is nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>

#include "ptrace/registers_x86_64.h"

namespace pagestore {

// How what a call gave is taken back: by the call `number` of its result; and what an earlier one gave, by the call
// `number_before` of `given_before`.
struct StubUndo {
  static constexpr uint64_t kNothing = 14;  // rt_sigprocmask of no signals, which the stub makes in any case
  uint64_t number = kNothing, number_before = kNothing, given_before = 0;
};

inline constexpr size_t kMostArgumentBytes = 32;

struct X86Stub {
  static constexpr bool kIsThere = true;
  static constexpr size_t kBytes = 304, kCodeBytes = 152;
  static constexpr size_t kBehindCall = X86Registers::kCall.size();
  static constexpr size_t kReturn = 46;  // where the thread begins to put itself back without a call before

  struct Data {
    uint64_t mark = kMark;
    uint64_t blocked, undo_number, number_before, given_before;
    uint64_t rax, rcx, rdx, rsi, rdi, r8, r9, r10, r11, rip;
    std::array<std::byte, kMostArgumentBytes> argument;  // that one of the call points to, and the kernel only reads
  };
  static constexpr size_t kArgument = kCodeBytes + offsetof(Data, argument);
  static constexpr uint64_t kMark = 0x6275'7473'7370'2101;

  static constexpr std::array<std::byte, kCodeBytes> code();

  // What a thread does that is to go on with `wanted`.
  static X86Stub make(const X86Registers& wanted, uint64_t blocked, const StubUndo& undo) {
    X86Stub stub;
    const X86Registers& r = wanted;
    stub.instructions = code();
    stub.data = {kMark,
                 blocked,
                 undo.number,
                 undo.number_before,
                 undo.given_before,
                 r.rax,
                 r.rcx,
                 r.rdx,
                 r.rsi,
                 r.rdi,
                 r.r8,
                 r.r9,
                 r.r10,
                 r.r11,
                 r.rip,
                 {}};
    return stub;
  }
  bool is_stub() const { return data.mark == kMark && instructions == code(); }
  // Of a thread that is in it: those that it would have put back.
  void put_back(X86Registers* registers) const {
    X86Registers& r = *registers;
    r.rax = data.rax, r.rcx = data.rcx, r.rdx = data.rdx, r.rsi = data.rsi, r.rdi = data.rdi;
    r.r8 = data.r8, r.r9 = data.r9, r.r10 = data.r10, r.r11 = data.r11, r.rip = data.rip;
    r.cancel_call();
  }

  std::array<std::byte, kCodeBytes> instructions{};
  Data data{};
};
static_assert(sizeof(X86Stub) == X86Stub::kBytes);

constexpr std::array<std::byte, X86Stub::kCodeBytes> X86Stub::code() {
  std::array<std::byte, kCodeBytes> code{};
  size_t size = 0;
  const auto add = [&](std::initializer_list<int> bytes) {
    for (const int byte : bytes) code[size++] = static_cast<std::byte>(byte);
  };
  // An instruction that ends with the distance to something in the data.
  const auto add_with = [&](std::initializer_list<int> bytes, size_t target) {
    add(bytes);
    const size_t distance = kCodeBytes + target - (size + 4);
    for (size_t i = 0; i < 4; ++i) code[size++] = static_cast<std::byte>(distance >> 8 * i & 0xff);
  };
  add({0x0f, 0x05});                                            // syscall
  add({0x48, 0x89, 0xc7});                                      // mov %rax, %rdi
  add({0xbe, 0, 0, 0, 0});                                      // mov $0, %esi
  add({0xba, 0, 0, 0, 0});                                      // mov $0, %edx
  add({0x41, 0xba, 8, 0, 0, 0});                                // mov $8, %r10d
  add_with({0x48, 0x8b, 0x05}, offsetof(Data, undo_number));    // mov …, %rax
  add({0x0f, 0x05});                                            // syscall
  add_with({0x48, 0x8b, 0x3d}, offsetof(Data, given_before));   // mov …, %rdi
  add_with({0x48, 0x8b, 0x05}, offsetof(Data, number_before));  // mov …, %rax
  add({0x0f, 0x05});                                            // syscall
  if (size != kReturn) return {};
  add({0xbf, 2, 0, 0, 0});                                // mov $SIG_SETMASK, %edi
  add_with({0x48, 0x8d, 0x35}, offsetof(Data, blocked));  // lea …, %rsi
  add({0xba, 0, 0, 0, 0});                                // mov $0, %edx
  add({0x41, 0xba, 8, 0, 0, 0});                          // mov $8, %r10d
  add({0xb8, 14, 0, 0, 0});                               // mov $rt_sigprocmask, %eax
  add({0x0f, 0x05});                                      // syscall
  add_with({0x48, 0x8b, 0x05}, offsetof(Data, rax));
  add_with({0x48, 0x8b, 0x0d}, offsetof(Data, rcx));
  add_with({0x48, 0x8b, 0x15}, offsetof(Data, rdx));
  add_with({0x48, 0x8b, 0x35}, offsetof(Data, rsi));
  add_with({0x48, 0x8b, 0x3d}, offsetof(Data, rdi));
  add_with({0x4c, 0x8b, 0x05}, offsetof(Data, r8));
  add_with({0x4c, 0x8b, 0x0d}, offsetof(Data, r9));
  add_with({0x4c, 0x8b, 0x15}, offsetof(Data, r10));
  add_with({0x4c, 0x8b, 0x1d}, offsetof(Data, r11));
  add_with({0xff, 0x25}, offsetof(Data, rip));  // jmp *…
  return code;
}
static_assert(X86Stub::code()[0] == std::byte{0x0f}, "the parts are where the constants say");

}  // namespace pagestore

// Registers as values, of both processors wherever we run.
#include "ptrace/registers.h"

#include <set>
#include <string>

#include "support.h"

namespace pagestore::test {
namespace {

template <typename AnyRegisters>
class RegistersOf : public testing::Test {
 protected:
  // Every word another one.
  static AnyRegisters some() {
    AnyRegisters registers;
    for (size_t i = 0; i < AnyRegisters::kNames.size(); ++i) word(registers, i) = 0x1000 + i;
    return registers;
  }
  static constexpr SystemCall kSomeCall = {9, {11, 12, 13, 14, 15, 16}};
};
using Processors = testing::Types<X86Registers, Arm64Registers>;
TYPED_TEST_SUITE(RegistersOf, Processors);

bool operator==(const SystemCall& a, const SystemCall& b) {
  return a.number == b.number && a.arguments == b.arguments;
}

TYPED_TEST(RegistersOf, HaveANameEach) {
  std::set<std::string> names(TypeParam::kNames.begin(), TypeParam::kNames.end());
  EXPECT_EQ(names.size(), TypeParam::kNames.size());
  EXPECT_EQ(sizeof(TypeParam), names.size() * sizeof(uint64_t));
}

TYPED_TEST(RegistersOf, AreInNoCallAfterItIsLeft) {
  TypeParam registers = this->some();
  registers.cancel_call();
  EXPECT_FALSE(registers.is_in_call());
}

TYPED_TEST(RegistersOf, MakeAPreparedCallFromTheGivenInstruction) {
  TypeParam registers = this->some();
  registers.prepare(this->kSomeCall, RemoteAddress(0x4000));
  EXPECT_EQ(registers.instruction_pointer(), 0x4000u);
  EXPECT_FALSE(registers.is_in_call());
  // The call is about to be made: its number and arguments are there.
  EXPECT_TRUE(registers.next_call() == this->kSomeCall);
}

TYPED_TEST(RegistersOf, AreInTheCallThatReplacedAnother) {
  TypeParam registers = this->some();
  const uint64_t at = registers.instruction_pointer();
  registers.replace(this->kSomeCall);
  EXPECT_TRUE(registers.is_in_call());
  EXPECT_TRUE(registers.call() == this->kSomeCall);
  EXPECT_EQ(registers.instruction_pointer(), at);
}

TYPED_TEST(RegistersOf, BeforeACallAreThoseThatMakeIt) {
  TypeParam registers = this->some();
  registers.prepare(this->kSomeCall, RemoteAddress(0x4000));
  const TypeParam before = registers;
  // As the kernel shows it at the entry of the call.
  registers.instruction_pointer() += TypeParam::kCall.size();
  registers.replace(this->kSomeCall);
  registers.rewind_call();
  EXPECT_EQ(memcmp(&registers, &before, sizeof(before)), 0);
}

TYPED_TEST(RegistersOf, GiveBackTheResultThatWasSet) {
  TypeParam registers = this->some();
  registers.set_result(static_cast<uint64_t>(-38));
  EXPECT_EQ(registers.result(), -38);
}

TYPED_TEST(RegistersOf, KeepByACallWhereItReturnsAndItsStack) {
  TypeParam registers = this->some();
  const auto kept = registers.kept_by_calls();
  const std::set<uint64_t> values(kept.begin(), kept.end());
  EXPECT_EQ(values.size(), kept.size());
  EXPECT_TRUE(values.contains(registers.instruction_pointer()) && values.contains(registers.stack()));
  registers.set_result(1);
  EXPECT_EQ(registers.kept_by_calls(), kept);
}

TEST(X86, KeepsByACallWhatNoArithmeticChanges) {
  X86Registers registers{};
  const auto kept = registers.kept_by_calls();
  registers.eflags = 0x8d5;  // carry, parity, adjust, zero, sign, trap and overflow
  EXPECT_EQ(registers.kept_by_calls(), kept);
  for (const uint64_t flag : {1 << 10, 1 << 18}) {
    registers.eflags = flag;
    EXPECT_NE(registers.kept_by_calls(), kept);
  }
  registers = {};
  for (const auto part : {&X86Registers::fs_base, &X86Registers::gs_base, &X86Registers::gs}) {
    registers.*part = 3;
    EXPECT_NE(registers.kept_by_calls(), kept);
    registers.*part = 0;
  }
}

TEST(X86, KeepsOfVectorsHowNumbersAreRoundedAndTheExceptions) {
  std::vector<std::byte> vectors(512);
  const auto kept = X86Registers::kept_vectors(vectors);
  for (const size_t counts : {0, 1, 2, 24, 25}) {
    vectors[counts] = std::byte{1};
    EXPECT_NE(X86Registers::kept_vectors(vectors), kept) << counts;
    vectors[counts] = std::byte{0};
  }
  vectors[3] = vectors[32] = vectors[160] = std::byte{1};  // conditions of x87, a register of it, a vector
  EXPECT_EQ(X86Registers::kept_vectors(vectors), kept);
  EXPECT_EQ(X86Registers::kept_vectors({}), kept);
}

TEST(Arm64, KeepsOfVectorsTheLowerHalvesOfEight) {
  std::vector<std::byte> vectors(528);
  const auto kept = Arm64Registers::kept_vectors(vectors);
  for (const size_t counts : {8 * 16, 15 * 16 + 7, 512, 516}) {
    vectors[counts] = std::byte{1};
    EXPECT_NE(Arm64Registers::kept_vectors(vectors), kept) << counts;
    vectors[counts] = std::byte{0};
  }
  vectors[7 * 16] = vectors[8 * 16 + 8] = vectors[16 * 16] = std::byte{1};
  EXPECT_EQ(Arm64Registers::kept_vectors(vectors), kept);
}

TEST(X86, GoesOnWithASleepAndMakesOtherCallsAnew) {
  X86Registers sleep{}, read{};
  sleep.replace({35, {1, 2}});
  read.replace({0, {1, 2}});
  sleep.rip = read.rip = 0x1002;
  sleep.set_result(static_cast<uint64_t>(kRestartBlock));
  read.set_result(static_cast<uint64_t>(kRestartSys));
  sleep.rewind_restart();
  read.rewind_restart();
  EXPECT_EQ(sleep.rax, static_cast<uint64_t>(X86Registers::kRestartCall));
  EXPECT_EQ(read.rax, 0u);
  for (const X86Registers& each : {sleep, read}) {
    EXPECT_EQ(each.rip, 0x1000u);
    EXPECT_FALSE(each.is_in_call());
  }
}

TYPED_TEST(RegistersOf, AreBackInTheCallThatTheyWereBeforeAgain) {
  TypeParam registers = this->some();
  registers.prepare(this->kSomeCall, RemoteAddress(0x4000));
  const TypeParam before = registers;
  registers.return_to_call(this->kSomeCall.number, kRestartSys);
  EXPECT_TRUE(registers.is_in_call());
  EXPECT_EQ(registers.result(), kRestartSys);
  EXPECT_EQ(registers.instruction_pointer(), 0x4000 + TypeParam::kCall.size());
  EXPECT_TRUE(registers.call() == this->kSomeCall);
  registers.rewind_call();
  EXPECT_EQ(memcmp(&registers, &before, sizeof(before)), 0);
}

TYPED_TEST(RegistersOf, GoOnWithASleepByAnotherCallAndTheSameArguments) {
  TypeParam registers = this->some();
  registers.prepare(this->kSomeCall, RemoteAddress(0x4000));
  registers.return_to_call(this->kSomeCall.number, kRestartBlock);
  registers.rewind_restart();
  EXPECT_EQ(registers.next_call().number, TypeParam::kRestartCall);
  EXPECT_EQ(registers.next_call().arguments, this->kSomeCall.arguments);
}

TYPED_TEST(RegistersOf, HaveOtherArgumentsWhereTheyAreInAnInterruptedCall) {
  TypeParam registers = this->some();
  registers.prepare(this->kSomeCall, RemoteAddress(0x4000));
  registers.return_to_call(this->kSomeCall.number, kRestartSys);
  for (size_t i = 0; i < 6; ++i) registers.set_argument(i, 100 + i);
  EXPECT_EQ(registers.result(), kRestartSys);
  EXPECT_TRUE(registers.call() == (SystemCall{this->kSomeCall.number, {100, 101, 102, 103, 104, 105}}));
}

TEST(Arm64, AreWrittenBeforeTheCallWhereTheKernelHasSteppedBack) {
  Arm64Registers before{};
  before.prepare({63, {7, 8, 9}}, RemoteAddress(0x4000));
  Arm64Registers inside = before;
  inside.return_to_call(63, kRestartSys);
  const Arm64Registers written = inside.stepped_back();
  EXPECT_EQ(memcmp(&written, &before, sizeof(before)), 0);
  // Of a call that has come to an end nothing is taken back.
  inside.set_result(5);
  EXPECT_EQ(inside.stepped_back().pc, inside.pc);
  EXPECT_EQ(inside.stepped_back().x[0], 5u);
}

TEST(X86, KnowsItsRegistersByTheirPlaceInTheStruct) {
  X86Registers registers{};
  for (size_t i = 0; i < X86Registers::kNames.size(); ++i) word(registers, i) = i;
  EXPECT_STREQ(X86Registers::kNames[registers.rip], "rip");
  EXPECT_STREQ(X86Registers::kNames[registers.orig_rax], "orig_rax");
  EXPECT_STREQ(X86Registers::kNames[registers.gs], "gs");
}

TEST(Arm64, KnowsItsRegistersByTheirPlaceInTheStruct) {
  Arm64Registers registers{};
  for (size_t i = 0; i < Arm64Registers::kNames.size(); ++i) word(registers, i) = i;
  EXPECT_STREQ(Arm64Registers::kNames[registers.x[8]], "x8");
  EXPECT_STREQ(Arm64Registers::kNames[registers.pc], "pc");
  EXPECT_STREQ(Arm64Registers::kNames[registers.tpidr], "tpidr");
}

TEST(Arm64, StandsOnTheBreakpointAndX86BehindIt) {
  EXPECT_EQ(Arm64Registers::kPastBreakpoint, 0u);
  EXPECT_EQ(X86Registers::kPastBreakpoint, X86Registers::kBreakpoint.size());
}

TEST(Arm64, MayHaveCallNumbersOf32BitsOnly) {
  Arm64Registers registers{};
  registers.call_number = 0xffff'ffff;
  EXPECT_FALSE(registers.is_in_call());
  EXPECT_EQ(registers.call().number, -1);
}

TEST(RestartResults, AreFourOfTheKernels) {
  for (const int64_t result : {-512, -513, -514, -516}) EXPECT_TRUE(is_restart(result));
  for (const int64_t result : {-4, -511, -515, -517, 0, 512}) EXPECT_FALSE(is_restart(result));
}

TEST(RegistersOfX86, CannotAllBeWrittenByATracer) {
  X86Registers now{};
  now.eflags = 0x202;
  X86Registers wanted = now;
  for (const uint64_t settable : {0x1, 0x40, 0x100, 0x400, 0x800, 0x4000, 0x1'0000, 0x4'0000}) {
    wanted.eflags = now.eflags | settable;
    EXPECT_EQ(X86Registers::obstacle(now, wanted), nullptr) << settable;
  }
  wanted.eflags = now.eflags | 0x20'0000;
  EXPECT_NE(X86Registers::obstacle(now, wanted), nullptr);
  EXPECT_NE(X86Registers::obstacle(wanted, now), nullptr);
  EXPECT_EQ(X86Registers::obstacle(wanted, wanted), nullptr);
}

TEST(RegistersOfX86, StandForNoSegmentByOneSelector) {
  X86Registers registers{};
  registers.ds = 1, registers.es = 2, registers.fs = 3, registers.gs = 0x2b;
  registers.clear_null_selectors();
  EXPECT_EQ(registers.ds, 0u);
  EXPECT_EQ(registers.es, 0u);
  EXPECT_EQ(registers.fs, 0u);
  EXPECT_EQ(registers.gs, 0x2bu);
}

}  // namespace
}  // namespace pagestore::test

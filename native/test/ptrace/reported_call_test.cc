// Whether a call that is entered is one that was reported already, by the registers of the thread.
#include "ptrace/reported_call.h"

#include <sys/syscall.h>

#include "support.h"

namespace pagestore {
namespace {

constexpr SystemCall kRead{SYS_read, {3, 0x1000, 8}};
constexpr RemoteAddress kInstruction(0x4000);

// Before the call, with its stack at 0x7000.
Registers before_call() {
  Registers registers{};
  registers.prepare(kRead, kInstruction);
  return registers;
}

// In the call, with such a result.
Registers in_call(int64_t result) {
  Registers registers = before_call();
  registers.instruction_pointer() += Registers::kCall.size();
  registers.replace(kRead);
  registers.set_result(static_cast<uint64_t>(result));
  return registers;
}

TEST(ReportedCalls, ComeNextBeforeTheirInstruction) {
  const ReportedCall call = ReportedCall::next(before_call());
  EXPECT_EQ(call.number, SYS_read);
  EXPECT_TRUE(call.comes_next(before_call()));
  EXPECT_TRUE(call.is_entered_by(SYS_read, in_call(-38)));
}

TEST(ReportedCalls, ComeNextWhereTheyWereInterrupted) {
  const ReportedCall call = ReportedCall::made(SYS_read, in_call(kRestartSys));
  for (const int64_t result : {kRestartSys, kRestartNoIntr, kRestartNoHand, kRestartBlock}) {
    EXPECT_TRUE(call.comes_next(in_call(result)));
  }
}

// Such a result may be the call's own number.
TEST(ReportedCalls, AreOverWhenTheyHaveAResult) {
  const ReportedCall call = ReportedCall::made(SYS_read, in_call(kRestartSys));
  for (const int64_t result : {int64_t{0}, int64_t{SYS_read}, int64_t{-4}, int64_t{8}}) {
    EXPECT_FALSE(call.comes_next(in_call(result)));
  }
}

TEST(ReportedCalls, AreNotThoseFromAnotherPlaceOrStack) {
  const ReportedCall call = ReportedCall::next(before_call());
  Registers elsewhere = in_call(-38);
  elsewhere.instruction_pointer() += 16;
  EXPECT_FALSE(call.is_entered_by(SYS_read, elsewhere));
  Registers deeper = before_call();
  ReportedCall above = call;
  above.stack = above.stack + 64;
  EXPECT_FALSE(above.comes_next(deeper));
  EXPECT_FALSE(above.is_entered_by(SYS_read, in_call(-38)));
  EXPECT_FALSE(call.is_entered_by(SYS_write, in_call(-38)));
}

TEST(ReportedCalls, AreEnteredByTheCallThatGoesOnWithThem) {
  const ReportedCall call = ReportedCall::made(SYS_read, in_call(kRestartBlock));
  EXPECT_TRUE(call.is_entered_by(Registers::kRestartCall, in_call(-38)));
  EXPECT_TRUE(may_go_on_unseen(in_call(kRestartBlock)));
  EXPECT_FALSE(may_go_on_unseen(in_call(kRestartNoHand)));
  Registers goes_on = before_call();
  goes_on.set_next_call(Registers::kRestartCall);
  EXPECT_TRUE(call.comes_next(goes_on));
  EXPECT_TRUE(may_go_on_unseen(goes_on));
}

}  // namespace
}  // namespace pagestore

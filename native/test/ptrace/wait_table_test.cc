// What kind of limit each wait has, as its arguments say it.
#include "ptrace/wait_table.h"

#include <linux/futex.h>
#include <sys/syscall.h>

#include <cerrno>

#include "support.h"

namespace pagestore::test {
namespace {

TEST(WaitTable, SaysWhetherTheLimitIsATimeOrAMoment) {
  EXPECT_FALSE(wait_kind_of({SYS_futex, {0, FUTEX_WAIT | FUTEX_PRIVATE_FLAG}})->is_moment);
  const auto bitset = wait_kind_of({SYS_futex, {0, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME}});
  EXPECT_TRUE(bitset->is_moment);
  EXPECT_EQ(bitset->clock, CLOCK_REALTIME);
  EXPECT_EQ(bitset->result, -ETIMEDOUT);
  EXPECT_FALSE(wait_kind_of({SYS_futex, {0, FUTEX_WAKE}}));
  EXPECT_FALSE(wait_kind_of({SYS_clock_nanosleep, {CLOCK_BOOTTIME, 0}})->is_moment);
  EXPECT_TRUE(wait_kind_of({SYS_clock_nanosleep, {CLOCK_BOOTTIME, TIMER_ABSTIME}})->is_moment);
  EXPECT_FALSE(wait_kind_of({SYS_clock_nanosleep, {CLOCK_PROCESS_CPUTIME_ID, 0}}));
  EXPECT_FALSE(wait_kind_of({SYS_getpid, {}}));
}

TEST(WaitTable, ServesAllWhoGoByLimits) {
  SystemCallSet calls;
  add_waits(&calls);
  // A socket's limit is none that we could shorten.
  for (const int64_t call : {SYS_ppoll, SYS_nanosleep, SYS_futex, SYS_mq_timedsend}) EXPECT_TRUE(calls[call]) << call;
  EXPECT_FALSE(calls[SYS_recvfrom]);
  for (const int64_t call : {SYS_ppoll, SYS_recvfrom, SYS_semtimedop}) EXPECT_TRUE(can_have_limit(call)) << call;
  EXPECT_FALSE(can_have_limit(SYS_getpid));
}

}  // namespace
}  // namespace pagestore::test

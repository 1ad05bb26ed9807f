// How the kernel says that a call was interrupted, which is asked where it does not show it.
#include "ptrace/hidden_call.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>

#include "support.h"

namespace pagestore::test {
namespace {

TEST(InterruptionOf, IsThatOfTheManual) {
  EXPECT_EQ(interruption_of({SYS_read, {}}), kRestartSys);
  EXPECT_EQ(interruption_of({SYS_wait4, {}}), kRestartSys);
  EXPECT_EQ(interruption_of({SYS_rt_sigsuspend, {}}), kRestartNoHand);
  EXPECT_EQ(interruption_of({SYS_ppoll, {}}), kRestartNoHand);
  EXPECT_EQ(interruption_of({SYS_nanosleep, {}}), kRestartBlock);
}

TEST(InterruptionOf, DependsOnWhetherTheLimitIsAMoment) {
  EXPECT_EQ(interruption_of({SYS_clock_nanosleep, {CLOCK_MONOTONIC, 0}}), kRestartBlock);
  EXPECT_EQ(interruption_of({SYS_clock_nanosleep, {CLOCK_MONOTONIC, TIMER_ABSTIME}}), kRestartNoHand);
}

TEST(InterruptionOf, DependsOnWhatAFutexIsAskedForAndWhetherThereIsALimit) {
  const uint64_t some = 0x1000;
  EXPECT_EQ(interruption_of({SYS_futex, {some, FUTEX_WAIT_PRIVATE, 0, 0}}), kRestartSys);
  EXPECT_EQ(interruption_of({SYS_futex, {some, FUTEX_WAIT, 0, some}}), kRestartBlock);
  EXPECT_EQ(interruption_of({SYS_futex, {some, FUTEX_LOCK_PI, 0, 0}}), kRestartNoIntr);
  EXPECT_EQ(interruption_of({SYS_futex, {some, FUTEX_WAKE, 1}}), 0);
}

TEST(InterruptionOf, IsNothingForCallsThatDoNotWaitOrFail) {
  for (const int64_t number : {SYS_getpid, SYS_mmap, SYS_close, SYS_epoll_pwait, SYS_rt_sigtimedwait}) {
    EXPECT_EQ(interruption_of({number, {}}), 0) << number;
  }
}

}  // namespace
}  // namespace pagestore::test

// What a kept clock says, and how long the waits of a program last by it.
#include "ptrace/kept_clock.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "ptrace/clock_limit.h"
#include "support.h"

namespace pagestore::test {
namespace {

constexpr int64_t kSecond = KeptClock::kSecond;

// Of a call that this thread would make: the end of its limit in nanoseconds from now, or -1 without a limit.
int64_t left_of(const KeptClock& clock, const SystemCall& call) {
  const auto limit = find_clock_limit(static_cast<pid_t>(syscall(SYS_gettid)), clock, call);
  return limit ? limit->end - clock.elapsed() : -1;
}

uint64_t address_of(const timespec& time) {
  return reinterpret_cast<uint64_t>(&time);
}

TEST(KeptClocks, GoOnTogetherAndNeverBack) {
  KeptClock clock;
  clock.advance_to(5 * kSecond);
  clock.advance_to(3 * kSecond);
  EXPECT_EQ(clock.read(CLOCK_REALTIME), KeptClock::kCalendarStart + 5 * kSecond);
  EXPECT_EQ(clock.read(CLOCK_MONOTONIC_RAW), KeptClock::kSystemStart + 5 * kSecond);
  EXPECT_EQ(clock.read(CLOCK_THREAD_CPUTIME_ID), 5 * kSecond);
  EXPECT_FALSE(clock.read(99));
  clock.advance_to(INT64_MAX);
  EXPECT_GT(clock.calendar(), 0);
  EXPECT_LT(clock.elapsed(), KeptClock::kNever);
}

TEST(KeptClocks, CountReadsOfTheCounterUntilTheProgramBegins) {
  KeptClock clock;
  EXPECT_EQ(clock.read_counter(), 0u);
  EXPECT_EQ(clock.read_counter(), 1u);
  clock.begin();
  EXPECT_EQ(clock.read_counter(), static_cast<uint64_t>(KeptClock::kSystemStart));
  EXPECT_EQ(clock.read_counter(), static_cast<uint64_t>(KeptClock::kSystemStart));
}

TEST(ClockLimits, AreDurationsOrMomentsOfTheClock) {
  KeptClock clock;
  clock.advance_to(7 * kSecond);
  const timespec two = {2, 0}, moment = {86'400 + 10, 0}, past = {5, 0};
  EXPECT_EQ(left_of(clock, {SYS_ppoll, {0, 0, address_of(two)}}), 2 * kSecond);
  EXPECT_EQ(left_of(clock, {SYS_epoll_pwait, {0, 0, 0, 1500}}), kSecond * 3 / 2);
  EXPECT_EQ(left_of(clock, {SYS_futex, {0, FUTEX_WAIT, 0, address_of(two)}}), 2 * kSecond);
  EXPECT_EQ(left_of(clock, {SYS_futex, {0, FUTEX_WAIT_BITSET, 0, address_of(moment)}}), 3 * kSecond);
  EXPECT_EQ(left_of(clock, {SYS_clock_nanosleep, {CLOCK_MONOTONIC, TIMER_ABSTIME, address_of(moment)}}), 3 * kSecond);
  EXPECT_EQ(left_of(clock, {SYS_clock_nanosleep, {CLOCK_REALTIME, TIMER_ABSTIME, address_of(past)}}), 0);
}

TEST(ClockLimits, AreNoneWhereTheKernelRefusesOrWaitsForEver) {
  const KeptClock clock;
  const timespec wrong = {0, kSecond}, negative = {-1, 0}, age = {INT64_MAX, 0};
  for (const uint64_t bad : {uint64_t{0}, uint64_t{8}, UINT64_MAX, address_of(wrong), address_of(negative)}) {
    EXPECT_EQ(left_of(clock, {SYS_ppoll, {0, 0, bad}}), -1) << bad;
    EXPECT_EQ(left_of(clock, {SYS_nanosleep, {bad}}), -1) << bad;
  }
  EXPECT_EQ(left_of(clock, {SYS_epoll_pwait, {0, 0, 0, UINT64_MAX}}), -1);
  EXPECT_EQ(left_of(clock, {SYS_futex, {0, FUTEX_WAKE, 1, address_of(age)}}), -1);
  EXPECT_EQ(left_of(clock, {SYS_getpid, {}}), -1);
  EXPECT_EQ(left_of(clock, {SYS_nanosleep, {address_of(age)}}), KeptClock::kNever);
}

TEST(ClockLimits, HavePassedWhereTheCallSaysSo) {
  const auto thread = static_cast<pid_t>(syscall(SYS_gettid));
  EXPECT_TRUE(has_expired(thread, {SYS_ppoll, {}}, 0));
  EXPECT_FALSE(has_expired(thread, {SYS_ppoll, {}}, 1));
  EXPECT_TRUE(has_expired(thread, {SYS_futex, {}}, -ETIMEDOUT));
  EXPECT_FALSE(has_expired(thread, {SYS_futex, {}}, 0));
  EXPECT_FALSE(has_expired(thread, {SYS_futex, {}}, -EAGAIN));
  EXPECT_TRUE(has_expired(thread, {SYS_rt_sigtimedwait, {}}, -EAGAIN));
  EXPECT_TRUE(has_expired(thread, {SYS_io_getevents, {0, 2}}, 1));
  EXPECT_FALSE(has_expired(thread, {SYS_io_getevents, {0, 2}}, 2));
}

}  // namespace
}  // namespace pagestore::test

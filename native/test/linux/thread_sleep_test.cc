// When a thread ran and slept is what the kernel says, whatever the thread calls itself.
#include "linux/thread_sleep.h"

#include <pthread.h>
#include <unistd.h>

#include "support.h"

namespace pagestore::test {
namespace {

TEST(Schedules, AreNotThoseThatAThreadHasInItsName) {
  if (!read_schedule(getpid(), getpid())) GTEST_SKIP() << "this kernel does not say when threads ran";
  char before[16];
  pthread_getname_np(pthread_self(), before, sizeof(before));
  for (const char* name : {"se.exec_start:5", "\nse.exec_start:", "nr_migrations:9", "\n--------------"}) {
    ASSERT_EQ(pthread_setname_np(pthread_self(), name), 0);
    const auto reading = read_schedule(getpid(), getpid());
    ASSERT_TRUE(reading) << name;
    EXPECT_GT(reading->last_ran, 6'000'000) << name;
    EXPECT_GT(reading->ran, 0) << name;
    EXPECT_NE(reading->moves, 9u) << name;
  }
  pthread_setname_np(pthread_self(), before);
}

}  // namespace
}  // namespace pagestore::test

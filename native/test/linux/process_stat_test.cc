// What is read of /proc about processes: the fields of their stat files, and their numbers.
#include "linux/process_stat.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux/kernel_compare.h"
#include "linux/related_processes.h"
#include "support.h"

namespace pagestore::test {
namespace {

TEST(ProcessStats, AreThoseOfProcessesWithAwkwardNames) {
  char before[16];
  prctl(PR_GET_NAME, before);
  for (const char* name : {"plain", "a) Z 1 1 1", ")", "", "( ) ) X"}) {
    prctl(PR_SET_NAME, name);
    ProcessStat process, thread;
    ASSERT_TRUE(ok(process.read(getpid()))) << name;
    ASSERT_TRUE(ok(thread.read({getpid(), gettid()}, ProcessStat::kThread)));
    EXPECT_EQ(process.state(), 'R');
    EXPECT_FALSE(process.is_zombie());
    EXPECT_EQ(process.parent(), getppid());
    EXPECT_GT(process.started(), 0u);
    EXPECT_EQ(thread.started(), process.started());
    // Its stack began above this frame.
    EXPECT_GT(process.field(28), reinterpret_cast<uintptr_t>(&process));
    EXPECT_EQ(process.field(1000), 0u);
  }
  prctl(PR_SET_NAME, before);
}

TEST(ProcessStats, AreNoneOfAProcessThatIsNotThere) {
  ProcessStat stat;
  EXPECT_TRUE(refused(stat.read(INT32_MAX), Error::process_gone));
  EXPECT_TRUE(stat.is_zombie());
  EXPECT_EQ(stat.started(), 0u);
}

TEST(ProcessNumbers, AreTheSameInOurNamespace) {
  int depth = 0;
  pid_t number = 0;
  ASSERT_TRUE(ok(read_namespace_depth(getpid(), &depth)));
  EXPECT_EQ(depth, 1);
  ASSERT_TRUE(ok(read_number_at(getpid(), depth, &number)));
  EXPECT_EQ(number, getpid());
  EXPECT_FALSE(read_number_at(getpid(), depth + 1, &number).is_ok());
}

TEST(Tasks, ThatAreNotThereShareNothing) {
  for (const Shared what : {Shared::memory, Shared::descriptors}) {
    EXPECT_NE(compare_tasks(getpid(), getpid(), what), Sameness::different);
    EXPECT_NE(compare_tasks(getpid(), INT32_MAX, what), Sameness::same);
  }
}

// Who is not ours to trace is somebody else's, where the kernel compares tasks at all.
TEST(Tasks, OfOthersShareNothing) {
  if (getuid() != 0 || compare_tasks(getpid(), getpid(), Shared::memory) == Sameness::unknown) GTEST_SKIP();
  const pid_t child = fork();
  if (child == 0) {
    if (setgid(65534) != 0 || setuid(65534) != 0) _exit(2);
    _exit(compare_tasks(getpid(), getppid(), Shared::memory) == Sameness::different ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace pagestore::test

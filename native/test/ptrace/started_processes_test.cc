// Which processes may share something with a tracee.
#include "ptrace/started/started_processes.h"

#include "support.h"

namespace pagestore::test {
namespace {

constexpr StartCall kPlain{}, kMemory{{true, false}, false}, kDescriptors{{false, true}, false};

TEST(StartedProcesses, ShareWhatTheyWereStartedWith) {
  StartedProcesses started;
  ASSERT_TRUE(started.add({7, 1, 1, kPlain, true}));
  EXPECT_FALSE(started.has_sharers());
  ASSERT_TRUE(started.add({8, 1, 1, kMemory, true}));
  EXPECT_TRUE(started.has_sharers());
  EXPECT_FALSE(started.has_unseen_sharers());
  EXPECT_TRUE(started.find(8)->start.shared.memory);
  EXPECT_FALSE(started.find(7)->start.shared.any());
  EXPECT_EQ(started.find(9), nullptr);
}

TEST(StartedProcesses, ShareNothingOnceTheyAreAnotherProgramOrHaveEnded) {
  StartedProcesses started;
  ASSERT_TRUE(started.add({7, 1, 1, kMemory, true}));
  ASSERT_TRUE(started.add({8, 1, 1, kDescriptors, true}));
  started.on_exec(7);
  EXPECT_TRUE(started.has_sharers());
  started.remove(8);
  EXPECT_FALSE(started.has_sharers());
  EXPECT_EQ(started.all().size(), 1u);
}

TEST(StartedProcesses, ThatAreNotTracedMayHaveStartedOthers) {
  StartedProcesses started;
  ASSERT_TRUE(started.add({7, 1, 1, kPlain, false}));
  EXPECT_FALSE(started.has_unseen_sharers());
  ASSERT_TRUE(started.add({8, 1, 1, kDescriptors, false}));
  started.remove(8);
  EXPECT_TRUE(started.has_unseen_sharers());
  EXPECT_TRUE(started.has_sharers());
  started.on_parting();
  EXPECT_FALSE(started.has_sharers());
  started.mark_unseen_sharers();
  EXPECT_TRUE(started.has_sharers());
}

}  // namespace
}  // namespace pagestore::test

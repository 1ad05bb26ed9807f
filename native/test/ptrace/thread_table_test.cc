// Threads by number: at random, against a plain set; a removed thread stays for whoever uses it.
#include "ptrace/thread_table.h"

#include <map>
#include <random>

#include "support.h"

namespace pagestore::test {
namespace {

TracedThread* add(ThreadTable& table, pid_t id) {
  TracedThread* thread = nullptr;
  EXPECT_TRUE(ok(table.add(id, &thread)));
  return thread;
}

TEST(ThreadTable, AgreesWithASetWhateverIsDoneToIt) {
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    ThreadTable table;
    std::map<pid_t, TracedThread*> expected;
    const ThreadTable::InUse in_use(table);
    for (int step = 0; step < 1000; ++step) {
      const auto id = static_cast<pid_t>(1 + random() % 20);
      if (random() % 2 == 0) {
        table.remove(id);
        expected.erase(id);
      } else if (expected.count(id) == 0) {
        expected[id] = add(table, id);
      }
      ASSERT_TRUE(table.is_valid());
      ASSERT_EQ(table.all().size(), expected.size());
      for (const auto& [number, thread] : expected) ASSERT_EQ(table.find(number), thread);
    }
  }
}

TEST(ThreadTable, KeepsARemovedThreadForWhoeverUsesIt) {
  ThreadTable table;
  const ThreadTable::InUse outer(table);
  TracedThread* thread = add(table, 1);
  {
    const ThreadTable::InUse inner(table);
    table.remove(1);
    EXPECT_EQ(table.find(1), nullptr);
    EXPECT_TRUE(table.is_valid());
  }
  // Under AddressSanitizer it would be noticed.
  EXPECT_EQ(thread->id(), 1);
  EXPECT_TRUE(thread->is_running());
}

TEST(ThreadTable, IsEmptyAndValidWhenAllAreRemovedAndNobodyUsesThem) {
  ThreadTable table;
  for (pid_t id = 1; id <= 5; ++id) add(table, id);
  for (pid_t id = 1; id <= 5; ++id) table.remove(id);
  EXPECT_TRUE(table.is_valid());
  EXPECT_EQ(table.first_live(), nullptr);
}

TEST(ThreadTable, KnowsTheLastThreadThatLives) {
  ThreadTable table;
  TracedThread* first = add(table, 1);
  TracedThread* second = add(table, 2);
  EXPECT_EQ(table.first_live(), first);
  EXPECT_FALSE(table.is_only_live(*second));
  first->enter(activity::Ended{});
  EXPECT_EQ(table.first_live(), second);
  EXPECT_TRUE(table.is_only_live(*second));
  table.remove_all_but(*second);
  EXPECT_EQ(table.all().size(), 1u);
  EXPECT_TRUE(table.is_valid());
}

}  // namespace
}  // namespace pagestore::test

// Hot pages cool after three rounds in which they were equal, and not before.
#include "memory/hot_pages.h"

#include <utility>
#include <vector>

#include "support.h"

namespace pagestore::test {
namespace {

using Runs = std::vector<std::pair<VirtualPage, VirtualPage>>;

void count_round(HotPages* hot, const std::vector<VirtualPage>& pages, bool is_equal = true) {
  hot->begin_round();
  for (const VirtualPage page : pages) hot->count(page, is_equal);
  hot->end_round();
}

Runs protect_cooled(HotPages* hot) {
  Runs runs;
  EXPECT_TRUE(ok(hot->protect_cooled([&](VirtualPage first, VirtualPage end) {
    runs.emplace_back(first, end);
    return Status::ok();
  })));
  return runs;
}

TEST(HotPages, CoolAfterThreeEqualRoundsOnEnd) {
  HotPages hot;
  for (int round = 0; round < 2; ++round) {
    count_round(&hot, {7});
    EXPECT_EQ(protect_cooled(&hot), Runs{});
  }
  count_round(&hot, {7}, false);
  for (int round = 0; round < 2; ++round) count_round(&hot, {7});
  EXPECT_EQ(protect_cooled(&hot), Runs{});
  count_round(&hot, {7});
  EXPECT_EQ(protect_cooled(&hot), (Runs{{7, 8}}));
  // It was protected, and counts from zero.
  EXPECT_EQ(protect_cooled(&hot), Runs{});
}

TEST(HotPages, AreProtectedInRuns) {
  HotPages hot;
  for (int round = 0; round < 3; ++round) count_round(&hot, {1, 2, 3, 5, 6, 9});
  EXPECT_EQ(protect_cooled(&hot), (Runs{{1, 4}, {5, 7}, {9, 10}}));
}

TEST(HotPages, ThatAreNotDirtyInARoundAreForgotten) {
  HotPages hot;
  for (int round = 0; round < 2; ++round) count_round(&hot, {1, 4});
  count_round(&hot, {4});
  count_round(&hot, {1, 4});
  EXPECT_EQ(protect_cooled(&hot), (Runs{{4, 5}}));
}

TEST(HotPages, ARoundThatFailedCountsNothing) {
  HotPages hot;
  for (int round = 0; round < 2; ++round) count_round(&hot, {1});
  hot.begin_round();
  hot.count(1, false);
  count_round(&hot, {1});
  EXPECT_EQ(protect_cooled(&hot), (Runs{{1, 2}}));
}

TEST(HotPages, AFailureToProtectIsPassedOn) {
  HotPages hot;
  for (int round = 0; round < 3; ++round) count_round(&hot, {1, 3});
  const auto refuse = [](VirtualPage, VirtualPage) { return Status::system(Error::tracker, "write-protecting", 12); };
  EXPECT_TRUE(refused(hot.protect_cooled(refuse), Error::tracker));
}

TEST(HotPages, ThatHaveCooledAreManyAboveSixtyFour) {
  HotPages hot;
  std::vector<VirtualPage> pages;
  while (pages.size() < 64) pages.push_back(2 * pages.size());
  for (int round = 0; round < 3; ++round) count_round(&hot, pages);
  EXPECT_FALSE(hot.have_many_cooled());
  pages.push_back(1000);
  for (int round = 0; round < 3; ++round) count_round(&hot, pages);
  EXPECT_TRUE(hot.have_many_cooled());
  hot.clear();
  EXPECT_FALSE(hot.have_many_cooled());
}

}  // namespace
}  // namespace pagestore::test

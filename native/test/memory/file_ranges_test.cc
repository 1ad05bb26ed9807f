#include "memory/tracee/file_ranges.h"

#include <random>
#include <vector>

#include "support.h"

namespace pagestore::test {

namespace {

TEST(FileRanges, HaveAllThatWasAddedInOrder) {
  const auto seed = std::random_device()();
  RecordProperty("seed", std::to_string(seed));
  std::mt19937 random(seed);
  constexpr size_t kBytes = 300;
  for (int round = 0; round < 200; ++round) {
    FileRanges ranges;
    std::vector<bool> is_in(kBytes);
    size_t added = 0;
    for (auto count = random() % 12; count > 0; --count) {
      const uint64_t start = random() % kBytes, end = std::min<uint64_t>(kBytes, start + random() % 40);
      ranges.add(start, end);
      for (uint64_t i = start; i < end; ++i) is_in[i] = true;
      added += start < end ? 1 : 0;
    }
    EXPECT_EQ(ranges.empty(), added == 0);
    uint64_t before = 0, covered = 0;
    for (const AddressRange& each : ranges.all()) {
      EXPECT_LT(each.start, each.end) << "seed " << seed;
      EXPECT_TRUE(before == 0 || before < each.start) << "seed " << seed;
      for (uint64_t i = each.start; i < each.end; ++i) covered += is_in[i] ? 1 : 0;
      before = each.end;
    }
    EXPECT_EQ(covered, static_cast<uint64_t>(std::count(is_in.begin(), is_in.end(), true))) << "seed " << seed;
    EXPECT_LE(ranges.all().size(), FileRanges::kMost);
  }
}

TEST(FileRanges, AreJoinedWhereTheyLieClosest) {
  FileRanges ranges;
  for (const uint64_t start : {0, 100, 200, 250, 400}) ranges.add(start, start + 1);
  ASSERT_EQ(ranges.all().size(), FileRanges::kMost);
  EXPECT_EQ(ranges.all()[2], (AddressRange{200, 251}));
  ranges.add(50, FileRanges::kEnd);
  ASSERT_EQ(ranges.all().size(), 2u);
  EXPECT_EQ(ranges.all()[1], (AddressRange{50, FileRanges::kEnd}));
  EXPECT_EQ(ranges.lowest(), 0u);
}

TEST(FileRanges, FromAByteOnLeaveOutWhatLiesBefore) {
  FileRanges ranges, others;
  others.add(0, 10);
  others.add(20, 30);
  ranges.add_from(25, others);
  ASSERT_EQ(ranges.all().size(), 1u);
  EXPECT_EQ(ranges.all()[0], (AddressRange{25, 30}));
}

}  // namespace

}  // namespace pagestore::test

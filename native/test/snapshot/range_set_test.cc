// Sets of ranges, against a set of single addresses; the seed of a failing test is printed.
#include <algorithm>
#include <random>
#include <set>

#include "support.h"
#include "system/address_range.h"

namespace pagestore::test {
namespace {

constexpr uint64_t kSpace = 60;

std::vector<AddressRange> as_ranges(const std::set<uint64_t>& addresses) {
  std::vector<AddressRange> ranges;
  for (const uint64_t address : addresses) {
    if (!ranges.empty() && ranges.back().end == address) {
      ++ranges.back().end;
    } else {
      ranges.push_back({address, address + 1});
    }
  }
  return ranges;
}

TEST(RangeSets, AreSortedAndMergedHoweverTheyAreFilled) {
  const auto seed = static_cast<uint32_t>(testing::UnitTest::GetInstance()->random_seed());
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 2000; ++round) {
    RangeSet one_by_one, in_parts;
    std::set<uint64_t> addresses;
    for (int part = 0; part < 3; ++part) {
      std::vector<AddressRange> ranges(random() % 6);
      for (AddressRange& each : ranges) {
        each.start = random() % kSpace;
        each.end = each.start + 1 + random() % 8;
        ASSERT_TRUE(ok(one_by_one.add(each)));
        for (uint64_t address = each.start; address < each.end; ++address) addresses.insert(address);
      }
      ASSERT_TRUE(ok(in_parts.add_all({ranges.data(), ranges.size()})));
      const std::vector<AddressRange> expected = as_ranges(addresses);
      ASSERT_TRUE(std::ranges::equal(one_by_one.ranges(), expected));
      ASSERT_TRUE(std::ranges::equal(in_parts.ranges(), expected));
    }
    for (uint64_t start = 0; start < kSpace; ++start) {
      const AddressRange asked{start, start + random() % 6};
      bool is_covered = true;
      for (uint64_t address = asked.start; address < asked.end; ++address) is_covered &= addresses.contains(address);
      ASSERT_EQ(in_parts.covers(asked), is_covered);
    }
  }
}

}  // namespace
}  // namespace pagestore::test

#include "linux/file_index.h"

#include <map>
#include <random>

#include "support.h"

namespace pagestore::test {

namespace {

TEST(FileIndex, FindsTheNumberThatWasPutLast) {
  const auto seed = std::random_device()();
  RecordProperty("seed", std::to_string(seed));
  std::mt19937 random(seed);
  FileIndex index;
  std::map<std::pair<uint64_t, uint64_t>, uint32_t> expected;
  EXPECT_EQ(index.find(1, 2), FileIndex::kNowhere);
  for (uint32_t i = 0; i < 5000; ++i) {
    const uint64_t device = random() % 3, inode = random() % 2000;
    ASSERT_TRUE(index.put(device, inode, i));
    expected[{device, inode}] = i;
  }
  for (const auto& [file, number] : expected) EXPECT_EQ(index.find(file.first, file.second), number) << "seed " << seed;
  EXPECT_EQ(index.find(3, 1), FileIndex::kNowhere);
}

}  // namespace

}  // namespace pagestore::test

// The hash index against the plainest thing that does the same: a multimap.
#include "store/hash_index.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "stores.h"

namespace pagestore::test {
namespace {

using Model = std::multimap<uint32_t, uint32_t>;
using Random = std::mt19937_64;

std::set<uint32_t> found(const HashIndex& index, uint32_t tag) {
  std::set<uint32_t> numbers;
  for (auto match = index.find(HashTag{tag}); match.found(); match.next()) {
    EXPECT_TRUE(numbers.insert(static_cast<uint32_t>(index_of(match.number()))).second) << "found twice";
  }
  return numbers;
}

std::set<uint32_t> expected(const Model& model, uint32_t tag) {
  std::set<uint32_t> numbers;
  for (auto [entry, end] = model.equal_range(tag); entry != end; ++entry) {
    numbers.insert(entry->second);
  }
  return numbers;
}

void expect_equal(const HashIndex& index, const Model& model) {
  for (auto entry = model.begin(); entry != model.end(); entry = model.upper_bound(entry->first)) {
    ASSERT_EQ(found(index, entry->first), expected(model, entry->first)) << "tag " << entry->first;
  }
}

// Ways to choose tags. Those that are the same for many entries make long runs, so there are fewer.
struct Tags {
  const char* name;
  size_t entries;
  uint32_t (*next)(Random&);
};
constexpr Tags kTags[] = {
    {"Uniform", 3000, [](Random& random) { return static_cast<uint32_t>(random()); }},
    {"FewDistinct", 300, [](Random& random) { return static_cast<uint32_t>(random() % 7 << 29); }},
    {"AllEqual", 150, [](Random&) { return uint32_t{0x8765'4321}; }},
    {"AllFirst", 150, [](Random&) { return uint32_t{0}; }},
    {"AllLast", 150, [](Random&) { return uint32_t{0xffff'ffff}; }},
    {"ClusteredAtTheEnd", 300, [](Random& random) { return static_cast<uint32_t>(-1 - (random() % 64)); }},
    {"FirstAndLast", 200, [](Random& random) { return static_cast<uint32_t>(random() % 4) - 2; }},
    {"Clustered", 1000, [](Random& random) { return static_cast<uint32_t>((random() % 3 << 30) + random() % 999); }},
};

class HashIndexModel : public testing::TestWithParam<Tags> {};

TEST_P(HashIndexModel, FindsTheNumbersThatAMultimapFinds) {
  const Tags& tags = GetParam();
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Random random(seed);
    HashIndex index;
    Model model;
    std::vector<std::pair<uint32_t, uint32_t>> entries;  // those of the model, for a random choice
    std::vector<uint32_t> unused;
    size_t room = 0;
    uint32_t next = 0;
    // Fills up, thins out, and so on: few entries, many, and the way between them.
    bool fills = true;
    for (int step = 0; step < 6000; ++step) {
      const uint64_t choice = random() % 16;
      if (entries.size() >= tags.entries) fills = false;
      if (entries.size() <= tags.entries / 8) fills = true;
      if (choice < (fills ? 9 : 4)) {
        if (entries.size() == room) {
          room = std::max(std::min(room + 1 + random() % (room / 2 + 8), tags.entries + 1), room + 1);
          ASSERT_TRUE(ok(index.reserve(room)));
        }
        uint32_t number = next;
        if (unused.empty()) {
          ++next;
        } else {
          number = unused.back();
          unused.pop_back();
        }
        const uint32_t tag = tags.next(random);
        index.insert(HashTag{tag}, page_number(number));
        model.emplace(tag, number);
        entries.emplace_back(tag, number);
      } else if (choice < 13 && !entries.empty()) {
        std::swap(entries[random() % entries.size()], entries.back());
        const auto [tag, number] = entries.back();
        entries.pop_back();
        index.erase(HashTag{tag}, page_number(number));
        auto entry = model.lower_bound(tag);
        while (entry->second != number) ++entry;
        model.erase(entry);
        unused.push_back(number);
      } else if (room > 0) {
        const uint32_t tag =
            choice < 15 || entries.empty() ? tags.next(random) : entries[random() % entries.size()].first;
        index.prefetch(HashTag{tag});
        ASSERT_EQ(found(index, tag), expected(model, tag)) << "tag " << tag << ", step " << step;
      }
      ASSERT_TRUE(index.is_valid()) << step;
      if (step % 500 == 0) expect_equal(index, model);
      if (testing::Test::HasFailure()) return;
    }
    expect_equal(index, model);
    // To the last entry: nothing is left behind.
    for (const auto& [tag, number] : entries) index.erase(HashTag{tag}, page_number(number));
    for (const auto& [tag, number] : entries) ASSERT_FALSE(index.find(HashTag{tag}).found());
    ASSERT_TRUE(index.is_valid());
  }
}

INSTANTIATE_TEST_SUITE_P(, HashIndexModel, testing::ValuesIn(kTags), [](const auto& tags) { return tags.param.name; });

TEST(HashIndex, TakesTheLargestNumberThatAPageCanHave) {
  HashIndex index;
  ASSERT_TRUE(ok(index.reserve(2)));
  index.insert(HashTag{5}, page_number(kMostPages - 1));
  index.insert(HashTag{5}, page_number(0));
  EXPECT_EQ(found(index, 5), (std::set<uint32_t>{0, UINT32_MAX - 1}));
  index.erase(HashTag{5}, page_number(kMostPages - 1));
  EXPECT_EQ(found(index, 5), std::set<uint32_t>{0});
}

TEST(HashIndex, IsFullAtTheRoomThatWasReservedAndFindsEverything) {
  for (const size_t entries : {1, 2, 3, 5, 8, 100, 4097}) {
    HashIndex index;
    ASSERT_TRUE(ok(index.reserve(entries)));
    for (uint32_t i = 0; i < entries; ++i) index.insert(HashTag{~i}, page_number(i));
    for (uint32_t i = 0; i < entries; ++i) ASSERT_EQ(found(index, ~i), std::set<uint32_t>{i});
    EXPECT_FALSE(index.find(HashTag{0}).found());
  }
}

TEST(HashIndex, TakesAtMostTwelveBytesForEachEntryThatItHasRoomFor) {
  for (size_t entries = 1 << 16; entries < 1 << 24; entries += entries / 3) {
    HashIndex index;
    ASSERT_TRUE(ok(index.reserve(entries)));
    EXPECT_LE(index.bytes(), entries * 12) << entries;
  }
  // And also when it was grown in many steps.
  HashIndex index;
  for (size_t entries = 1; entries < 1 << 22; entries += entries / 50 + 512) {
    ASSERT_TRUE(ok(index.reserve(entries)));
    if (entries > 1 << 16) {
      ASSERT_LE(index.bytes(), entries * 12) << entries;
    }
  }
}

TEST(HashIndex, DoesNotGrowByInsertingAndErasing) {
  HashIndex index;
  ASSERT_TRUE(ok(index.reserve(1000)));
  const size_t bytes = index.bytes();
  Random random(1);
  std::vector<uint32_t> tags(1000);
  for (int round = 0; round < 200; ++round) {
    for (uint32_t i = 0; i < 1000; ++i) {
      tags[i] = static_cast<uint32_t>(random());
      index.insert(HashTag{tags[i]}, page_number(i));
    }
    for (uint32_t i = 0; i < 1000; ++i) index.erase(HashTag{tags[i]}, page_number(i));
  }
  EXPECT_EQ(index.bytes(), bytes);
}

HashIndex filled(Model* model) {
  HashIndex index;
  EXPECT_TRUE(ok(index.reserve(5000)));
  Random random(1);
  for (uint32_t i = 0; i < 5000; ++i) {
    const auto tag = static_cast<uint32_t>(random() % 4000 << 20);
    index.insert(HashTag{tag}, page_number(i));
    model->emplace(tag, i);
  }
  return index;
}

TEST(HashIndex, WhenMoreRoomIsRefusedNothingHasChanged) {
  Model model;
  HashIndex index = filled(&model);
  const size_t bytes = index.bytes();
  EXPECT_TRUE(refused(index.reserve(size_t{1} << 45), Error::out_of_memory));  // more than addresses
  EXPECT_EQ(index.bytes(), bytes);
  expect_equal(index, model);
  EXPECT_TRUE(ok(index.reserve(6000)));
  expect_equal(index, model);
}

TEST(HashIndex, WhenTheProcessMayHaveNoMoreMemoryNothingHasChanged) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer's own address space does not fit below RLIMIT_AS";
  in_child([] {
    Model model;
    HashIndex index = filled(&model);
    const size_t bytes = index.bytes();
    limit_address_space(16 << 20);
    const Status status = index.reserve(size_t{4} << 20);
    EXPECT_TRUE(refused(status, Error::out_of_memory));
    EXPECT_EQ(status.error_number(), ENOMEM);
    EXPECT_GE(status.value(), size_t{32} << 20);
    EXPECT_EQ(index.bytes(), bytes);
    expect_equal(index, model);
    EXPECT_TRUE(ok(index.reserve(6000)));
    expect_equal(index, model);
  });
}

}  // namespace
}  // namespace pagestore::test

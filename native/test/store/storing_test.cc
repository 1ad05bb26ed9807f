// Storing: what gets a number, and which.
#include <algorithm>
#include <cstring>
#include <random>

#include "stores.h"

namespace pagestore::test {
namespace {

class Storing : public OnEachMemory {};
ON_EACH_MEMORY(Storing);

TEST_P(Storing, StoringAnEqualPageReturnsTheSameNumberAndAddsAReference) {
  OpenStore store(file());
  const PageNumber first = store.keep(1);
  EXPECT_EQ(store.count(first), 1u);
  for (uint64_t times = 2; times < 10; ++times) {
    EXPECT_EQ(store.keep(1), first);
    EXPECT_EQ(store.count(first), times);
  }
  EXPECT_EQ(store.size(), 1u);
  EXPECT_EQ(store.stats().references, 9u);
  EXPECT_EQ(store.stats().duplicates, 8u);
}

TEST_P(Storing, ANewPageIsCopiedIn) {
  OpenStore store(file());
  Bytes page = page_of(1);
  PageNumber number;
  ASSERT_TRUE(ok(store.store(page.data(), 1, &number)));
  fill_page(page.data(), 2);  // no longer the store's business
  EXPECT_TRUE(store.has(number, 1));
  EXPECT_NE(store.keep(2), number);
  EXPECT_EQ(store.keep(1), number);
}

TEST_P(Storing, EqualPagesWithinOneBatchGetOneNumber) {
  OpenStore store(file());
  const auto numbers = store.keep(std::vector<uint64_t>{1, 1, 2, 1, 2, 3, 3, 3, 1});
  const auto expected = std::vector<size_t>{0, 0, 1, 0, 1, 2, 2, 2, 0};
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(index_of(numbers[i]), expected[i]);
  EXPECT_EQ(store.count(numbers[0]), 4u);
  EXPECT_EQ(store.size(), 3u);
}

TEST_P(Storing, ABatchIsTheSameAsItsPagesOneByOne) {
  OpenStore batched(file()), single(file());
  std::mt19937_64 random(1);
  for (size_t count = 0; count < 40; ++count) {
    std::vector<uint64_t> contents(count);
    for (uint64_t& content : contents) content = random() % 100;
    std::vector<PageNumber> one_by_one;
    for (const uint64_t content : contents) one_by_one.push_back(single.keep(content));
    EXPECT_EQ(batched.keep(contents), one_by_one);
    // Releases some, so that slots are recycled.
    std::shuffle(one_by_one.begin(), one_by_one.end(), random);
    one_by_one.resize(count / 2);
    batched.release(one_by_one);
    for (const PageNumber n : one_by_one) single.release(n);
  }
  EXPECT_TRUE(same_stats(batched.stats(), single.stats()));
  EXPECT_TRUE(same_room(batched.stats(), single.stats()));
}

TEST_P(Storing, ABatchOfNoneStoresNone) {
  OpenStore store(file());
  EXPECT_TRUE(ok(store.store(nullptr, 0, nullptr)));
  EXPECT_TRUE(ok(store.ref(nullptr, 0)));
  EXPECT_TRUE(ok(store.unref(nullptr, 0)));
  EXPECT_EQ(store.size(), 0u);
}

TEST_P(Storing, PagesMayLieAtAnyAlignment) {
  OpenStore store(file());
  constexpr size_t kPages = 5;
  Bytes shifted((kPages + 1) * page_size());
  std::vector<size_t> shifts = {page_size() - 1, page_size() / 2, 2047, 1000};
  for (size_t shift = 0; shift <= 64; ++shift) shifts.push_back(shift);
  for (const size_t shift : shifts) {
    const auto contents = contents_from(shift * kPages, kPages);
    const Bytes pages = pages_of(contents);
    std::copy(pages.begin(), pages.end(), shifted.begin() + static_cast<ptrdiff_t>(shift));
    PageNumber numbers[kPages];
    ASSERT_TRUE(ok(store.store(shifted.data() + shift, kPages, numbers)));
    for (size_t i = 0; i < kPages; ++i) ASSERT_TRUE(store.has(numbers[i], contents[i]));
  }
  EXPECT_EQ(store.size(), shifts.size() * kPages);
}

// Reading past the last page would end the process: no page is mapped behind it.
TEST_P(Storing, NothingIsReadBehindTheLastPage) {
  OpenStore store(file());
  Mapping pages = Mapping::anonymous(6 * page_size());
  ASSERT_EQ(mprotect(pages.data() + 5 * page_size(), page_size(), PROT_NONE), 0);
  for (size_t i = 0; i < 5; ++i) fill_page(pages.data() + i * page_size(), i);
  for (size_t count = 1; count <= 5; ++count) {
    PageNumber numbers[5];
    const std::byte* first = pages.data() + (5 - count) * page_size();
    ASSERT_TRUE(ok(store.store(first, count, numbers)));
  }
}

TEST_P(Storing, EqualityIsAlwaysDecidedByMemcmpNeverByTheHashAlone) {
  OpenStore store(file(), {.hash = constant_hash});
  const auto contents = contents_from(0, 200);
  const auto numbers = store.keep(contents);
  EXPECT_EQ(store.size(), 200u);
  for (size_t i = 0; i < 200; ++i) ASSERT_TRUE(store.has(numbers[i], i));
  EXPECT_EQ(store.keep(contents), numbers);
  EXPECT_EQ(store.size(), 200u);
  // Also when they differ in one bit only, wherever it is.
  Bytes page = page_of(0);
  for (const size_t at : {size_t{0}, page_size() / 2, page_size() - 1}) {
    page[at] ^= std::byte{1};
    PageNumber number;
    ASSERT_TRUE(ok(store.store(page.data(), 1, &number)));
    EXPECT_EQ(store.count(number), 1u);
    page[at] ^= std::byte{1};
  }
  EXPECT_EQ(store.size(), 203u);
}

TEST_P(Storing, WithOneHashForAllEverythingStillWorks) {
  OpenStore store(file(), {.hash = constant_hash});
  const auto numbers = store.keep(contents_from(0, 100));
  for (size_t i = 0; i < 100; i += 2) store.release(numbers[i]);
  EXPECT_EQ(store.size(), 50u);
  for (size_t i = 1; i < 100; i += 2) {
    EXPECT_EQ(store.keep(i), numbers[i]);
    EXPECT_EQ(store.count(numbers[i]), 2u);
  }
  for (size_t i = 0; i < 50; ++i) store.keep(1000 + i);
  EXPECT_EQ(store.size(), 100u);
  EXPECT_EQ(index_of(store.keep(2000)), 100u);
}

TEST_P(Storing, CollisionsAreCounted) {
  OpenStore store(file(), {.hash = constant_hash});
  store.keep(contents_from(0, 50));
  EXPECT_EQ(store.stats().collisions, 50u * 49 / 2);  // each was compared with all before it
  const PageNumber number = store.keep(0);
  const uint64_t collisions = store.stats().collisions;
  EXPECT_LE(collisions, 50u * 49 / 2 + 49);
  // Counting references compares nothing.
  EXPECT_TRUE(ok(store.ref(&number, 1)));
  store.release(number);
  EXPECT_EQ(store.stats().collisions, collisions);

  OpenStore ordinary(file());
  ordinary.keep(contents_from(0, 1000));
  ordinary.keep(contents_from(0, 1000));
  EXPECT_EQ(ordinary.stats().collisions, 0u);
}

TEST_P(Storing, PagesWhoseTagsAreEqualButNotTheirHashesAreToldApart) {
  // The index keeps half of the hash.
  OpenStore store(file(), {.hash = [](const std::byte* page, size_t) {
                    return uint64_t{7} << 32 | static_cast<uint8_t>(page[0]);
                  }});
  const auto numbers = store.keep(contents_from(0, 20));
  EXPECT_EQ(store.size(), 20u);
  EXPECT_EQ(store.keep(contents_from(0, 20)), numbers);
}

}  // namespace
}  // namespace pagestore::test

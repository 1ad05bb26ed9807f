// Counting references, and what happens to a page that nobody refers to any more.
#include <algorithm>
#include <random>

#include "stores.h"

namespace pagestore::test {
namespace {

class References : public OnEachMemory {};
ON_EACH_MEMORY(References);

TEST_P(References, RefSavesHashingAndComparing) {
  OpenStore store(file(), {.hash = counting_hash});
  const auto numbers = store.keep(contents_from(0, 10));
  hashes_counted = 0;
  const StoreStats before = store.stats();
  EXPECT_TRUE(ok(store.ref(numbers.data(), numbers.size())));
  EXPECT_EQ(hashes_counted, 0u);
  EXPECT_EQ(store.stats().references, before.references + 10);
  EXPECT_EQ(store.stats().duplicates, before.duplicates);
  EXPECT_EQ(store.stats().collisions, before.collisions);
  for (const PageNumber n : numbers) EXPECT_EQ(store.count(n), 2u);
}

TEST_P(References, RemovingAPageDoesNotHashItAgain) {
  OpenStore store(file(), {.hash = counting_hash});
  const auto numbers = store.keep(contents_from(0, 10));
  EXPECT_GE(hashes_counted, 10u);
  hashes_counted = 0;
  store.release(numbers);
  EXPECT_EQ(store.size(), 0u);
  EXPECT_EQ(hashes_counted, 0u);
}

TEST_P(References, UnrefAtZeroPutsThePageOnTheFreeListAndTakesItOutOfTheHashIndex) {
  OpenStore store(file());
  const PageNumber page = store.keep(1);
  const PageNumber other = store.keep(2);
  EXPECT_TRUE(ok(store.ref(&page, 1)));
  store.release(page);
  EXPECT_EQ(store.count(page), 1u);
  EXPECT_TRUE(store.has(page, 1));
  store.release(page);
  EXPECT_EQ(store.count(page), 0u);  // recycled
  EXPECT_EQ(store.size(), 1u);
  // The slot is the next to be used, by any content; the old content is not found in it.
  EXPECT_EQ(store.keep(3), page);
  EXPECT_TRUE(store.has(page, 3));
  const PageNumber again = store.keep(1);
  EXPECT_NE(again, page);
  EXPECT_NE(again, other);
  EXPECT_EQ(store.count(again), 1u);
}

TEST_P(References, APageThatWasReleasedIsNotFoundEvenBeforeItsSlotIsReused) {
  OpenStore store(file());
  const PageNumber page = store.keep(1);
  store.release(page);
  const uint64_t duplicates = store.stats().duplicates;
  EXPECT_EQ(store.keep(1), page);
  EXPECT_EQ(store.stats().duplicates, duplicates);
  EXPECT_EQ(store.count(page), 1u);
}

TEST_P(References, TheFreeListIsUsedBeforeTheTop) {
  OpenStore store(file());
  const auto numbers = store.keep(contents_from(0, 100));
  std::vector<PageNumber> released = numbers;
  std::shuffle(released.begin(), released.end(), std::mt19937_64(1));
  released.resize(60);
  store.release(released);
  auto recycled = store.keep(contents_from(1000, 60));
  // The newest first: its memory is the nearest.
  std::reverse(recycled.begin(), recycled.end());
  EXPECT_EQ(recycled, released);
  EXPECT_EQ(index_of(store.keep(2000)), 100u);
  EXPECT_EQ(store.stats().growths, 1u);
}

TEST_P(References, RecycledSlotsAreUsedBeforeTheStoreGrows) {
  OpenStore store(file());
  for (uint64_t round = 0; round < 5; ++round) {
    store.release(store.keep(contents_from(round * 10'000, pages_in(2))));
  }
  EXPECT_EQ(store.capacity(), pages_in(2));
}

TEST_P(References, OneReferenceTooManyReleasedIsAnErrorOfThatCall) {
  OpenStore store(file());
  const PageNumber page = store.keep(1);
  const PageNumber other = store.keep(2);
  store.release(page);
  const StoreStats before = store.stats();
  for (int attempt = 0; attempt < 3; ++attempt) {
    const Status status = store.unref(&page, 1);
    EXPECT_TRUE(refused(status, Error::page_number));
    EXPECT_EQ(status.value(), index_of(page));
  }
  EXPECT_TRUE(same_stats(store.stats(), before));
  // And none of a later one.
  EXPECT_EQ(store.keep(3), page);
  EXPECT_EQ(store.keep(2), other);
  EXPECT_EQ(index_of(store.keep(4)), 2u);
}

TEST_P(References, ANumberThatWasNeverStoredOrIsRecycledIsAnErrorOfEveryCall) {
  OpenStore store(file());
  store.keep(contents_from(0, 3));
  const auto recycled = page_number(1);
  store.release(recycled);
  const StoreStats before = store.stats();
  // Numbers beyond 32 bits must not be taken for others.
  for (const uint64_t wrong : {uint64_t{1}, uint64_t{3}, uint64_t{511}, uint64_t{UINT32_MAX}, uint64_t{1} << 32,
                               (uint64_t{1} << 32) + 2, UINT64_MAX}) {
    const std::byte* bytes;
    const Status status = store.page(wrong, &bytes);
    EXPECT_TRUE(refused(status, Error::page_number)) << wrong;
    EXPECT_EQ(status.value(), wrong);
    EXPECT_EQ(status.limit(), 3u);
    EXPECT_TRUE(refused(store.hand_out(wrong), Error::page_number)) << wrong;
    PageStore::Counts counts{9, 9};
    if (wrong == index_of(recycled)) {
      EXPECT_TRUE(ok(store.counts_of(wrong, &counts)));
      EXPECT_EQ(counts.sum(), 0u);
    } else {
      EXPECT_TRUE(refused(store.counts_of(wrong, &counts), Error::page_number)) << wrong;
    }
    if (wrong > UINT32_MAX) continue;
    const PageNumber n = page_number(wrong);
    EXPECT_TRUE(refused(store.ref(&n, 1), Error::page_number)) << wrong;
    EXPECT_TRUE(refused(store.unref(&n, 1), Error::page_number)) << wrong;
  }
  EXPECT_TRUE(same_stats(store.stats(), before));
  EXPECT_TRUE(store.has(page_number(0), 0));
  EXPECT_TRUE(store.has(page_number(2), 2));
}

TEST_P(References, ANumberMayOccurSeveralTimesInABatch) {
  OpenStore store(file());
  const PageNumber a = store.keep(1);
  const PageNumber b = store.keep(2);
  const PageNumber more[] = {a, b, a, a, b, a};
  EXPECT_TRUE(ok(store.ref(more, 6)));
  EXPECT_EQ(store.count(a), 5u);
  EXPECT_EQ(store.count(b), 3u);
  const PageNumber less[] = {a, a, b, a, a, b, a, b};
  EXPECT_TRUE(ok(store.unref(less, 8)));
  EXPECT_EQ(store.size(), 0u);
  EXPECT_EQ(store.stats().references, 0u);
}

}  // namespace
}  // namespace pagestore::test

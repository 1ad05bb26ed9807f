// What a store costs beside its pages, and that it does not grow with time.
#include <cstring>

#include "stores.h"

namespace pagestore::test {
namespace {

class Bookkeeping : public OnEachMemory {
 protected:
  // Batches of pages that were never there before; cheap to make.
  class NewPages {
   public:
    explicit NewPages(size_t count) : pages_(pages_of(contents_from(0, count))) {}
    const std::byte* next() {
      for (size_t at = 0; at < pages_.size(); at += page_size()) {
        ++distinct_;
        memcpy(pages_.data() + at + distinct_ % 64 * 8, &distinct_, sizeof(distinct_));
      }
      return pages_.data();
    }
    uint64_t distinct() const { return distinct_; }

   private:
    Bytes pages_;
    uint64_t distinct_ = 0;
  };
};
ON_EACH_MEMORY(Bookkeeping);

TEST_P(Bookkeeping, IsAtMost28BytesForEachPage) {
  for (const size_t mebibytes : {16, 64, 512}) {
    const OpenStore store(file(), {.capacity = pages_in(mebibytes)});
    EXPECT_LE(store.stats().bookkeeping_bytes, store.capacity() * 28) << mebibytes << " MiB";
  }
}

TEST_P(Bookkeeping, IsAtMost24BytesForEachPageThatSnapshotsAloneHold) {
  for (const size_t mebibytes : {16, 64, 512}) {
    const OpenStore store(file(), {.capacity = pages_in(mebibytes), .has_users = false});
    EXPECT_LE(store.stats().bookkeeping_bytes, store.capacity() * 24) << mebibytes << " MiB";
  }
}

TEST_P(Bookkeeping, IsAtMost28BytesForEachPageAlsoWhenTheStoreGrewInSteps) {
  constexpr size_t kBatch = 1024;
  OpenStore store(file());
  NewPages pages(kBatch);
  std::vector<PageNumber> numbers(kBatch);
  while (store.size() < pages_in(256)) {
    ASSERT_TRUE(ok(store.store(pages.next(), kBatch, numbers.data())));
    // While the store is small, tables of whole pages and the private copies weigh in.
    const size_t constant = store.capacity() < pages_in(16) ? 8 * page_size() : 0;
    ASSERT_LE(store.stats().bookkeeping_bytes, store.capacity() * 28 + constant);
  }
  EXPECT_EQ(store.size(), pages.distinct());
}

TEST_P(Bookkeeping, AfterAMillionPagesStoredAndReleasedIsWhatItWasForAnEmptyStoreOfThatCapacity) {
  constexpr size_t kRounds = kSanitized ? 13 : 62;
  const size_t alive = pages_in(64);
  OpenStore store(file(), {.capacity = alive});
  const StoreStats empty = store.stats();
  NewPages pages(512);
  std::vector<PageNumber> numbers(alive);
  for (size_t round = 0; round < kRounds; ++round) {
    for (size_t i = 0; i < alive; i += 512) {
      ASSERT_TRUE(ok(store.store(pages.next(), 512, &numbers[i])));
    }
    ASSERT_EQ(store.size(), alive);
    store.release(numbers);
    ASSERT_EQ(store.size(), 0u);
  }
  EXPECT_GE(pages.distinct(), kSanitized ? 200'000u : 1'000'000u);
  EXPECT_EQ(store.stats().duplicates, 0u);
  EXPECT_EQ(store.stats().references, 0u);
  EXPECT_TRUE(same_room(store.stats(), empty));
}

TEST_P(Bookkeeping, RandomChurnDoesNotMakeItGrow) {
  const size_t alive = pages_in(2);
  OpenStore store(file(), {.capacity = alive});
  const StoreStats empty = store.stats();
  NewPages pages(64);
  std::vector<PageNumber> numbers(alive);
  for (size_t i = 0; i < alive; i += 64) {
    ASSERT_TRUE(ok(store.store(pages.next(), 64, &numbers[i])));
  }
  uint64_t random = 1;
  for (int round = 0; round < 500; ++round) {
    const size_t at = (random = random * 6364136223846793005 + 1442695040888963407) % (alive - 64);
    store.release(std::span(numbers).subspan(at, 64));
    ASSERT_TRUE(ok(store.store(pages.next(), 64, &numbers[at])));
  }
  EXPECT_EQ(store.size(), alive);
  EXPECT_TRUE(same_room(store.stats(), empty));
}

}  // namespace
}  // namespace pagestore::test

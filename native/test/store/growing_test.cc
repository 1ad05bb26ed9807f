// How memory grows: in which steps, what stays, what moves.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "stores.h"

namespace pagestore::test {
namespace {

class Growing : public OnEachMemory {
 protected:
  // A second descriptor of the file, to look behind the scenes.
  BackingFile file_seen_twice() {
    BackingFile opened = file();
    second_descriptor_ = ScopedFd(fcntl(opened.fd.get(), F_DUPFD_CLOEXEC, 0));
    return opened;
  }
  struct stat status() const {
    struct stat status {};
    EXPECT_EQ(fstat(second_descriptor_.get(), &status), 0);
    return status;
  }
  const ScopedFd& second_descriptor() const { return second_descriptor_; }

 private:
  ScopedFd second_descriptor_;
};
ON_EACH_MEMORY(Growing);

TEST_P(Growing, ASmallStoreStaysSmall) {
  const OpenStore store(file());
  EXPECT_EQ(store.capacity(), pages_in(2));
}

TEST_P(Growing, CapacityStartsAtTwoMebibytesAndDoublesUpToStepsOf64) {
  PageMemory memory(file());
  for (const size_t mebibytes : {2, 4, 8, 16, 32, 64, 128, 192, 256}) {
    const size_t next = memory.capacity_for(memory.capacity() + 1, kMostPages);
    ASSERT_EQ(next, pages_in(mebibytes));
    ASSERT_TRUE(ok(memory.grow(next)));
    ASSERT_EQ(memory.capacity(), next);
  }
  EXPECT_EQ(memory.growths(), 9u);
}

TEST_P(Growing, AStoreGrowsInTheseStepsToo) {
  OpenStore store(file());
  std::vector<size_t> capacities = {store.capacity()};
  for (uint64_t first = 0; store.capacity() < pages_in(64); first += 256) {
    store.keep(contents_from(first, 256));
    if (store.capacity() != capacities.back()) capacities.push_back(store.capacity());
  }
  EXPECT_EQ(capacities,
            (std::vector<size_t>{pages_in(2), pages_in(4), pages_in(8), pages_in(16), pages_in(32), pages_in(64)}));
  EXPECT_EQ(store.stats().growths, capacities.size());
}

TEST_P(Growing, CapacityIsAlignedToTwoMebibytes) {
  const PageMemory memory(file());
  EXPECT_EQ(memory.capacity_for(1, kMostPages), pages_in(2));
  EXPECT_EQ(memory.capacity_for(pages_in(2), kMostPages), pages_in(2));
  EXPECT_EQ(memory.capacity_for(pages_in(2) + 1, kMostPages), pages_in(4));
  EXPECT_EQ(memory.capacity_for(pages_in(100) + 1, kMostPages), pages_in(102));
}

TEST_P(Growing, CapacityMayExceedTheBudgetByRoundingOnly) {
  OpenStore store(file(), {.max_pages = pages_in(4) + 1});
  store.keep(contents_from(0, pages_in(4) + 1));
  EXPECT_EQ(store.capacity(), pages_in(6));  // where doubling would have led to 8
}

TEST_P(Growing, ACapacityThatWasAskedForIsThereAtOnce) {
  OpenStore store(file(), {.capacity = pages_in(20)});
  EXPECT_EQ(store.capacity(), pages_in(20));
  EXPECT_EQ(store.stats().growths, 1u);
  store.keep(contents_from(0, pages_in(20)));
  EXPECT_EQ(store.stats().growths, 1u);
}

TEST_P(Growing, GrowingMovesTheBaseWhenSomethingIsInItsWayAndContentsAreAsBefore) {
  PageMemory memory(file());
  ASSERT_TRUE(ok(memory.grow(pages_in(2))));
  for (size_t i = 0; i < memory.capacity(); ++i) fill_page(memory.page(page_number(i)), i);
  for (uint64_t moves = 1; moves <= 3; ++moves) {
    const size_t before = memory.capacity();
    const std::byte* base = memory.page(page_number(0));
    const Obstacle obstacle(base + before * page_size());
    ASSERT_TRUE(ok(memory.grow(before * 2)));
    EXPECT_NE(memory.page(page_number(0)), base);
    EXPECT_EQ(memory.moves(), moves);
    for (size_t i = 0; i < before; ++i) ASSERT_TRUE(page_is(memory.page(page_number(i)), i)) << i;
    for (size_t i = before; i < memory.capacity(); ++i) fill_page(memory.page(page_number(i)), i);
  }
}

TEST_P(Growing, GrowingNeverCopiesPageContents) {
  PageMemory memory(file_seen_twice());
  ASSERT_TRUE(ok(memory.grow(pages_in(2))));
  const Mapping other = Mapping::of_file(second_descriptor().get(), 0, 2 << 20, PROT_READ, MAP_SHARED);
  ASSERT_TRUE(other.is_mapped());
  const std::byte* base = memory.page(page_number(0));
  const Obstacle obstacle(base + (2 << 20));
  ASSERT_TRUE(ok(memory.grow(pages_in(4))));
  ASSERT_NE(memory.page(page_number(0)), base);
  // What is written at the new address appears in a mapping from before: they are the same pages.
  for (size_t i = 0; i < pages_in(2); ++i) {
    fill_page(memory.page(page_number(i)), i);
    ASSERT_TRUE(page_is(other.data() + i * page_size(), i));
  }
  EXPECT_EQ(status().st_blocks * 512, 4 << 20);  // and there are no others
}

TEST_P(Growing, GrowingPopulatesTheNewPart) {
  PageMemory memory(file_seen_twice());
  for (const size_t mebibytes : {2, 4, 8, 72}) {
    ASSERT_TRUE(ok(memory.grow(pages_in(mebibytes))));
    EXPECT_EQ(status().st_blocks * 512, static_cast<blkcnt_t>(mebibytes << 20));
    EXPECT_EQ(status().st_size, static_cast<off_t>(mebibytes << 20));
  }
}

TEST_P(Growing, NewPagesReadAsZero) {
  PageMemory memory(file());
  ASSERT_TRUE(ok(memory.grow(pages_in(4))));
  const Bytes zero(page_size());
  for (size_t i = 0; i < memory.capacity(); ++i) {
    ASSERT_EQ(memcmp(memory.page(page_number(i)), zero.data(), page_size()), 0) << i;
  }
}

TEST_P(Growing, TheFileNeverShrinks) {
  OpenStore store(file_seen_twice());
  const auto numbers = store.keep(contents_from(0, pages_in(4)));
  const off_t size = status().st_size;
  const blkcnt_t blocks = status().st_blocks;
  store.release(numbers);
  EXPECT_EQ(store.size(), 0u);
  EXPECT_EQ(status().st_size, size);
  EXPECT_EQ(status().st_blocks, blocks);
  EXPECT_EQ(store.capacity(), pages_in(4));
}

TEST_P(Growing, OnlyNumbersAreStoredAnAddressIsAlwaysLookedUpThroughTheBase) {
  OpenStore store(file());
  const auto numbers = store.keep(contents_from(0, pages_in(2)));
  const std::byte* base = store.base();
  const Obstacle obstacle(base + (2 << 20));
  const PageNumber next = store.keep(pages_in(2));  // grows
  ASSERT_NE(store.base(), base);
  EXPECT_EQ(store.stats().moves, 1u);
  EXPECT_EQ(index_of(next), pages_in(2));
  for (size_t i = 0; i < numbers.size(); ++i) {
    ASSERT_TRUE(store.has(numbers[i], i));
    ASSERT_EQ(store.count(numbers[i]), 1u);
  }
  // They are found by their contents, and released, as before.
  EXPECT_EQ(store.keep(contents_from(0, pages_in(2))), numbers);
  store.release(numbers);
  store.release(numbers);
  EXPECT_EQ(store.size(), 1u);
}

TEST_P(Growing, InTheMiddleOfABatchTheBaseMayMove) {
  OpenStore store(file());
  store.keep(0);
  const Obstacle obstacle(store.base() + (2 << 20));
  // Every second page is a duplicate of one that was stored just before the move.
  std::vector<uint64_t> contents;
  for (uint64_t i = 0; i < pages_in(3); ++i) contents.insert(contents.end(), {i, i / 2});
  const auto numbers = store.keep(contents);
  EXPECT_EQ(store.stats().moves, 1u);
  EXPECT_EQ(store.size(), pages_in(3));
  for (size_t i = 0; i < numbers.size(); ++i) ASSERT_TRUE(store.has(numbers[i], contents[i]));
}

TEST_P(Growing, GrowingDoesNotPutThousandsOfPagesOnTheFreeList) {
  OpenStore store(file(), {.capacity = pages_in(64)});
  const auto first = store.keep(contents_from(0, 3));
  // None of the others was ever used, and so none was recycled: they have no count, not even 0.
  PageStore::Counts counts;
  const Status status = store.counts_of(3, &counts);
  EXPECT_TRUE(refused(status, Error::page_number));
  EXPECT_EQ(status.limit(), 3u);  // the top index
  // What comes next is the top of the store, in order; only what was released comes before it.
  EXPECT_EQ(index_of(store.keep(100)), 3u);
  store.release(first[1]);
  EXPECT_EQ(store.keep(101), first[1]);
  EXPECT_EQ(index_of(store.keep(102)), 4u);
}

}  // namespace
}  // namespace pagestore::test

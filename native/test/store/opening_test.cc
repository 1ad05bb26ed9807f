// What a store can be opened with.
#include "stores.h"

namespace pagestore::test {
namespace {

class Opening : public OnEachMemory {};
ON_EACH_MEMORY(Opening);

TEST_P(Opening, ACapacityOrBudgetThatNoStoreCanHaveIsRefusedWithItsValue) {
  struct Wrong {
    size_t capacity, max_pages, value, limit;
  };
  for (const auto [capacity, max_pages, value, limit] :
       {Wrong{0, 10, 0, 10}, Wrong{11, 10, 11, 10}, Wrong{1, 0, 0, kMostPages},
        Wrong{1, kMostPages + 1, kMostPages + 1, kMostPages}, Wrong{SIZE_MAX, kMostPages, SIZE_MAX, kMostPages}}) {
    PageStore store;
    const Status status = store.open(file(), {.capacity = capacity, .max_pages = max_pages});
    EXPECT_TRUE(refused(status, Error::capacity));
    EXPECT_EQ(status.value(), value);
    EXPECT_EQ(status.limit(), limit);
  }
}

TEST_P(Opening, ANewStoreIsEmpty) {
  const OpenStore store(file());
  const StoreStats stats = store.stats();
  EXPECT_EQ(stats.pages, 0u);
  EXPECT_EQ(stats.references, 0u);
  EXPECT_EQ(stats.duplicates, 0u);
  EXPECT_EQ(stats.collisions, 0u);
  EXPECT_EQ(stats.growths, 1u);
  EXPECT_EQ(stats.moves, 0u);
  EXPECT_EQ(stats.capacity, store.capacity());
  EXPECT_EQ(stats.memory, GetParam());
  EXPECT_EQ(store.size(), 0u);
}

TEST_P(Opening, AStoreOfOnePageIsAStore) {
  OpenStore store(file(), {.capacity = 1, .max_pages = 1});
  for (uint64_t content = 0; content < 10; ++content) {
    const PageNumber only = store.keep(content);
    EXPECT_EQ(index_of(only), 0u);
    EXPECT_TRUE(refused(store.offer(contents_from(content + 1, 1)), Error::out_of_memory));
    EXPECT_TRUE(store.has(only, content));
    store.release(only);
  }
}

}  // namespace
}  // namespace pagestore::test

// Pages that somebody writes to while they are being stored: the bytes that were hashed are the
// bytes that are kept.
#include <atomic>
#include <thread>

#include "stores.h"

namespace pagestore::test {
namespace {

class ChangingSource : public OnEachMemory {};
ON_EACH_MEMORY(ChangingSource);

// What is written is meant to race with the store's reading, so ThreadSanitizer must not see it.
__attribute__((no_sanitize("thread"))) void scribble(volatile uint64_t* words, size_t count, uint64_t value) {
  for (size_t i = 0; i < count; i += 37) words[i] = value;
}

// Every page is found again by its bytes: under its own number, as a duplicate.
void expect_whole(OpenStore& store, size_t slots) {
  for (size_t i = 0; i < slots; ++i) {
    const std::byte* bytes;
    if (!store.page(i, &bytes).is_ok()) continue;
    const Bytes copy(bytes, bytes + page_size());
    const StoreStats before = store.stats();
    PageNumber number;
    ASSERT_TRUE(ok(store.store(copy.data(), 1, &number)));
    ASSERT_EQ(index_of(number), i);
    ASSERT_EQ(store.stats().duplicates, before.duplicates + 1);
    store.release(number);
  }
}

TEST_P(ChangingSource, EveryPageThatWasStoredIsFoundAgainByItsBytes) {
  constexpr size_t kPages = 16;
  OpenStore store(file());
  Mapping source = Mapping::anonymous(kPages * page_size());
  std::atomic<bool> ends = false;
  std::thread writer([&] {
    for (uint64_t value = 1; !ends.load(std::memory_order_relaxed); ++value) {
      scribble(reinterpret_cast<volatile uint64_t*>(source.data()), kPages * page_size() / sizeof(uint64_t), value);
    }
  });
  PageNumber numbers[kPages];
  std::vector<PageNumber> stored;
  for (int round = 0; round < (kSanitized ? 150 : 1000); ++round) {
    if (!store.store(source.data(), kPages, numbers).is_ok()) {
      ADD_FAILURE() << "round " << round;
      break;
    }
    stored.insert(stored.end(), numbers, numbers + kPages);
    if (round % 2 == 0) {  // recycles slots, too
      store.release(std::span(stored).last(kPages / 2));
      stored.resize(stored.size() - kPages / 2);
    }
  }
  ends = true;
  writer.join();
  EXPECT_EQ(store.stats().references, stored.size());
  expect_whole(store, store.capacity());
  store.release(stored);
  EXPECT_EQ(store.size(), 0u);
}

// The source may be a window on the same store, and show slots that this very call fills anew.
TEST_P(ChangingSource, PagesSeenThroughAWindowOfTheSameStoreAreSuchASource) {
  OpenStore store(file());
  const auto numbers = store.keep(contents_from(0, 8));
  WindowView window;
  ASSERT_TRUE(ok(store.open_window(0, &window)));
  for (const PageNumber n : numbers) ASSERT_TRUE(ok(store.hand_out(index_of(n))));
  store.release(numbers);  // their slots come back in the opposite order
  PageNumber again[8];
  ASSERT_TRUE(ok(store.store(window.data(), 8, again)));
  expect_whole(store, 8);
  store.release(again);
  EXPECT_EQ(store.size(), 0u);
}

}  // namespace
}  // namespace pagestore::test

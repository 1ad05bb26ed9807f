// Who holds a store, and what outlives the last of them.
#include <fcntl.h>
#include <sys/mman.h>

#include <algorithm>

#include "store/shared_store.h"
#include "stores.h"

namespace pagestore::test {
namespace {

class Holders : public OnEachMemory {
 protected:
  SharedStore* create(const StoreOptions& options = {}) const {
    SharedStore* store = nullptr;
    EXPECT_TRUE(ok(SharedStore::create(
        options, GetParam() == MemoryKind::huge ? MemoryChoice::huge : MemoryChoice::memfd, &store)));
    return store;
  }
};
ON_EACH_MEMORY(Holders);

PageNumber keep(SharedStore* store, uint64_t content) {
  PageNumber number = kNoPage;
  EXPECT_TRUE(ok(store->store(page_of(content).data(), 1, &number)));
  return number;
}

uint64_t count(SharedStore* store, PageNumber n) {
  PageStore::Counts counts;
  EXPECT_TRUE(ok(store->counts_of(index_of(n), &counts)));
  return counts.users;
}

TEST_P(Holders, ATokenOpensTheSameStore) {
  SharedStore* store = create();
  SharedStore* other = create();
  SharedStore* again = SharedStore::open(store->token());
  ASSERT_NE(again, nullptr);
  const PageNumber n = keep(store, 1);
  EXPECT_EQ(keep(again, 1), n);
  EXPECT_EQ(count(store, n), 2u);
  EXPECT_EQ(again->size(), 1u);
  EXPECT_EQ(other->size(), 0u);
  EXPECT_EQ(again->token(), store->token());
  EXPECT_FALSE(other->token() == store->token());
  EXPECT_EQ(again->stats().memory, GetParam());
  Bytes page(page_size());
  EXPECT_TRUE(ok(again->copy_out(index_of(n), page.data())));
  EXPECT_EQ(page, page_of(1));
  again->close();
  other->close();
  store->close();
}

TEST_P(Holders, AnUnknownTokenOpensNothing) {
  EXPECT_EQ(SharedStore::open({0, 0}), nullptr);
  SharedStore* store = create();
  StoreToken token = store->token();
  ++token.low;
  EXPECT_EQ(SharedStore::open(token), nullptr);
  store->close();
}

TEST_P(Holders, ATokenHoldsNothingOpeningItAfterTheLastCloseGivesNull) {
  SharedStore* store = create();
  const StoreToken token = store->token();
  SharedStore* second = SharedStore::open(token);
  SharedStore* third = SharedStore::open(token);
  store->close();
  SharedStore* fourth = SharedStore::open(token);
  ASSERT_NE(fourth, nullptr);
  second->close();
  third->close();
  fourth->close();
  EXPECT_EQ(SharedStore::open(token), nullptr);
}

TEST_P(Holders, TheLastCloseIsTheEndAlsoWhileAWindowIsOpen) {
  SharedStore* store = create();
  keep(store, 1);
  const StoreToken token = store->token();
  Window* window;
  ASSERT_TRUE(ok(Window::open(store, 0, &window)));
  store->close();
  EXPECT_EQ(SharedStore::open(token), nullptr);
  window->close();
}

TEST_P(Holders, CloseClosesThisHandleAndReferencesOfItsHolderStay) {
  SharedStore* store = create();
  SharedStore* worker = SharedStore::open(store->token());
  const PageNumber n = keep(worker, 1);
  EXPECT_TRUE(ok(worker->ref(&n, 1)));
  worker->close();
  EXPECT_EQ(count(store, n), 2u);
  EXPECT_TRUE(ok(store->unref(&n, 1)));
  EXPECT_TRUE(ok(store->unref(&n, 1)));
  EXPECT_EQ(store->size(), 0u);
  store->close();
}

TEST_P(Holders, TheMemoryGoesWhenTheLastOneCloses) {
  const size_t descriptors = open_descriptors();
  SharedStore* store = create();
  SharedStore* second = SharedStore::open(store->token());
  EXPECT_EQ(open_descriptors(), descriptors + 1);
  store->close();
  EXPECT_EQ(open_descriptors(), descriptors + 1);
  keep(second, 1);
  second->close();
  EXPECT_EQ(open_descriptors(), descriptors);
}

TEST_P(Holders, WindowsOutliveTheStoreAndAreUnmappedByWhoeverLetsGoLast) {
  const size_t descriptors = open_descriptors();
  SharedStore* store = create();
  for (uint64_t content = 0; content < 20; ++content) {
    const PageNumber n = keep(store, content);
    EXPECT_TRUE(ok(store->hand_out(index_of(n))));
  }
  Window *first, *second;
  ASSERT_TRUE(ok(Window::open(store, 0, &first)));
  ASSERT_TRUE(ok(Window::open(store, 0, &second)));
  store->close();
  EXPECT_EQ(open_descriptors(), descriptors);
  for (size_t i = 0; i < 20; ++i) {
    EXPECT_TRUE(page_is(first->data() + i * page_size(), i));
    EXPECT_TRUE(page_is(second->data() + i * page_size(), i));
  }
  const std::byte* address = first->data();
  first->close();
  EXPECT_FALSE(is_mapped(address));
  address = second->data();
  EXPECT_TRUE(page_is(address, 0));
  second->close();
  EXPECT_FALSE(is_mapped(address));
}

TEST_P(Holders, AWindowThatLeavesZeroesCanBeReadAfterEverythingElseIsGone) {
  const size_t descriptors = open_descriptors();
  SharedStore* store = create();
  keep(store, 1);
  Window* window;
  ASSERT_TRUE(ok(Window::open(store, 0, &window)));
  std::byte* data = window->data();
  const size_t bytes = window->bytes();
  window->leave_zeroes();
  EXPECT_EQ(data[0], std::byte{0});
  store->close();
  EXPECT_EQ(open_descriptors(), descriptors);
  EXPECT_EQ(std::count(data, data + bytes, std::byte{0}), static_cast<ptrdiff_t>(bytes));
  munmap(data, bytes);
}

TEST_P(Holders, AWindowIsResyncedWhileTheStoreLives) {
  SharedStore* store = create();
  SharedStore* worker = SharedStore::open(store->token());
  const PageNumber n = keep(store, 1);
  EXPECT_TRUE(ok(store->hand_out(index_of(n))));
  Window *mine, *others;
  ASSERT_TRUE(ok(Window::open(store, 0, &mine)));
  ASSERT_TRUE(ok(Window::open(worker, 0, &others)));
  fill_page(mine->data(), 500);
  fill_page(others->data(), 600);
  EXPECT_TRUE(ok(worker->unref(&n, 1)));
  EXPECT_EQ(keep(worker, 2), n);
  EXPECT_TRUE(page_is(mine->data(), 2));
  EXPECT_TRUE(page_is(others->data(), 2));
  mine->close();
  worker->close();
  EXPECT_TRUE(ok(store->unref(&n, 1)));
  EXPECT_EQ(keep(store, 3), n);
  EXPECT_TRUE(page_is(others->data(), 3));
  others->close();
  store->close();
}

TEST_P(Holders, AWindowThatIsRefusedIsNullAndLeavesNothingBehind) {
  SharedStore* store = create();
  auto* window = reinterpret_cast<Window*>(store);  // anything but null
  EXPECT_TRUE(refused(Window::open(store, 1, &window), Error::page_number));
  EXPECT_EQ(window, nullptr);
  store->close();
}

TEST_P(Holders, AStoreThatCannotBeOpenedIsNotListedAndLeavesNothingBehind) {
  const size_t descriptors = open_descriptors();
  SharedStore* store = nullptr;
  const auto choice = GetParam() == MemoryKind::huge ? MemoryChoice::huge : MemoryChoice::memfd;
  EXPECT_TRUE(refused(SharedStore::create({.capacity = 0}, choice, &store), Error::capacity));
  EXPECT_TRUE(refused(SharedStore::create({.capacity = kMostPages}, choice, &store), Error::out_of_memory));
  EXPECT_EQ(store, nullptr);
  EXPECT_EQ(open_descriptors(), descriptors);
}

TEST_P(Holders, ManyStoresMayBeOpenAndEndInAnyOrder) {
  std::vector<SharedStore*> stores;
  std::vector<StoreToken> tokens;
  for (int i = 0; i < 8; ++i) {
    stores.push_back(create());
    tokens.push_back(stores.back()->token());
    keep(stores.back(), static_cast<uint64_t>(i));
  }
  for (const size_t i : {3, 0, 7, 4, 1, 6, 2, 5}) {
    SharedStore* again = SharedStore::open(tokens[i]);
    ASSERT_EQ(again, stores[i]);
    again->close();
    stores[i]->close();
    EXPECT_EQ(SharedStore::open(tokens[i]), nullptr);
  }
}

}  // namespace
}  // namespace pagestore::test

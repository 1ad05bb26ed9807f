// What happens at the limit of a reference count. Built with counts that end at 255.
#include "twins.h"

namespace pagestore::test {
namespace {

static_assert(PageStore::kMostReferences == 255);
constexpr uint64_t kMost = PageStore::kMostReferences;

class CountOverflow : public Twins {
 protected:
  void expect_refused(const Status& status, PageNumber n) {
    EXPECT_TRUE(refused(status, Error::reference_count));
    EXPECT_EQ(status.value(), index_of(n));
    EXPECT_EQ(status.limit(), kMost);
  }
};
ON_EACH_MEMORY(CountOverflow);

TEST_P(CountOverflow, CountsRefuseToOverflowWhenStoring) {
  OpenStore store(file());
  const PageNumber n = store.keep(1);
  for (uint64_t count = 2; count <= kMost; ++count) EXPECT_EQ(store.keep(1), n);
  EXPECT_EQ(store.count(n), kMost);
  const StoreStats before = store.stats();
  for (int attempt = 0; attempt < 3; ++attempt) expect_refused(store.offer(contents_from(1, 1)), n);
  EXPECT_EQ(store.count(n), kMost);
  EXPECT_TRUE(same_stats(store.stats(), before));
  EXPECT_TRUE(same_room(store.stats(), before));
  store.release(n);
  EXPECT_EQ(store.keep(1), n);
}

TEST_P(CountOverflow, CountsRefuseToOverflowWhenReferring) {
  OpenStore store(file());
  const PageNumber n = store.keep(1);
  for (uint64_t count = 2; count <= kMost; ++count) EXPECT_TRUE(ok(store.ref(&n, 1)));
  EXPECT_EQ(store.count(n), kMost);
  const StoreStats before = store.stats();
  for (int attempt = 0; attempt < 3; ++attempt) expect_refused(store.ref(&n, 1), n);
  expect_refused(store.offer(contents_from(1, 1)), n);
  EXPECT_EQ(store.count(n), kMost);
  EXPECT_TRUE(same_stats(store.stats(), before));
  for (uint64_t count = kMost; count > 0; --count) store.release(n);
  EXPECT_EQ(store.size(), 0u);
  EXPECT_TRUE(refused(store.unref(&n, 1), Error::page_number));
}

TEST_P(CountOverflow, EachKindOfHolderHasACountOfItsOwn) {
  OpenStore store(file());
  const PageNumber n = store.keep(1);
  const Bytes page = page_of(1);
  for (uint64_t count = 2; count <= kMost; ++count) store.keep(1);
  // All references of users are taken, and none of snapshots.
  for (uint64_t count = 1; count <= kMost; ++count) {
    PageNumber number = kNoPage;
    ASSERT_TRUE(ok(count % 2 == 0 ? store.ref(Holder::snapshot, &n, 1)
                                  : store.store(Holder::snapshot, page.data(), 1, &number)));
  }
  PageStore::Counts counts;
  ASSERT_TRUE(ok(store.counts_of(index_of(n), &counts)));
  EXPECT_EQ(counts.sum(), 2 * kMost);
  const StoreStats before = store.stats();
  EXPECT_EQ(before.references, 2 * kMost);
  for (const Holder holder : {Holder::user, Holder::snapshot}) {
    PageNumber number;
    expect_refused(store.ref(holder, &n, 1), n);
    expect_refused(store.store(holder, page.data(), 1, &number), n);
  }
  PageNumber blank;
  ASSERT_TRUE(ok(store.take_blanks(1, &blank)));
  fill_page(store.blank(blank), 1);
  PageNumber number;
  expect_refused(store.keep_blank(blank, &number), n);
  EXPECT_TRUE(same_stats(store.stats(), before));
  EXPECT_TRUE(store.is_valid());
  // One less of one kind is room for that kind alone.
  ASSERT_TRUE(ok(store.unref(Holder::snapshot, &n, 1)));
  expect_refused(store.ref(&n, 1), n);
  EXPECT_TRUE(ok(store.ref(Holder::snapshot, &n, 1)));
}

TEST_P(CountOverflow, ABatchThatOverflowsChangesNothing) {
  OpenStore store(file());
  const PageNumber other = store.keep(2);
  const StoreStats before = store.stats();
  // A page that this very batch had stored: it is not there afterwards.
  expect_refused(store.offer(std::vector<uint64_t>(kMost + 1, 1)), page_number(1));
  EXPECT_TRUE(same_stats(store.stats(), before));
  PageStore::Counts counts;
  EXPECT_TRUE(refused(store.counts_of(1, &counts), Error::page_number));
  EXPECT_EQ(store.count(other), 1u);

  EXPECT_TRUE(ok(store.offer(std::vector<uint64_t>(kMost, 1))));
  EXPECT_EQ(store.count(page_number(1)), kMost);
  const PageNumber numbers[] = {other, other, page_number(1), other};
  expect_refused(store.ref(numbers, 4), page_number(1));
  EXPECT_EQ(store.count(other), 1u);
  EXPECT_EQ(store.count(page_number(1)), kMost);
}

TEST_P(CountOverflow, OnePageAtItsLimitDoesNotKeepOthersFromBeingStored) {
  OpenStore store(file());
  store.keep(std::vector<uint64_t>(kMost, 1));
  const auto others = store.keep(contents_from(2, 100));
  EXPECT_EQ(store.size(), 101u);
  EXPECT_TRUE(ok(store.ref(others.data(), others.size())));
}

TEST_P(CountOverflow, InTheMiddleOfABatchLeavesTheStoreExactlyAsItWas) {
  begin({});
  give_both_a_past(1, 80);
  const PageNumber one = find_with_count(1), two = find_with_count(2), three = find_with_count(3);

  std::vector<PageNumber> refs = {two, three};
  refs.insert(refs.end(), kMost, one);
  refs.insert(refs.end(), {two, three});
  EXPECT_TRUE(refused(store().ref(refs.data(), refs.size()), Error::reference_count));
  EXPECT_TRUE(same_room(store().stats(), twin().stats()));
  expect_same();

  // New pages, known ones, and one known too often.
  std::vector<uint64_t> contents = contents_from(50, 100);
  contents.insert(contents.end(), kMost, 1000);
  EXPECT_TRUE(ok(store().offer(contents)));
  EXPECT_TRUE(ok(twin().offer(contents)));
  contents = contents_from(200, 50);
  contents.insert(contents.end(), {1000, 7, 8});
  EXPECT_TRUE(refused(store().offer(contents), Error::reference_count));
  EXPECT_TRUE(same_room(store().stats(), twin().stats()));
  expect_same();
  expect_same_future(1);
}

}  // namespace
}  // namespace pagestore::test

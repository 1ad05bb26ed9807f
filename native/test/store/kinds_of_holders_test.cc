// Users and snapshots hold pages, and each kind has a count of its own.
#include "stores.h"

namespace pagestore::test {
namespace {

Holder other(Holder holder) {
  return holder == Holder::user ? Holder::snapshot : Holder::user;
}

class KindsOfHolders : public OnEachMemory {};
ON_EACH_MEMORY(KindsOfHolders);

PageNumber keep(OpenStore& store, Holder holder, uint64_t content) {
  PageNumber number = kNoPage;
  EXPECT_TRUE(ok(store.store(holder, page_of(content).data(), 1, &number)));
  return number;
}

TEST_P(KindsOfHolders, NobodyCanGiveBackWhatOnlyTheOtherKindHolds) {
  for (const Holder holder : {Holder::user, Holder::snapshot}) {
    OpenStore store(file());
    const PageNumber n = keep(store, holder, 1);
    EXPECT_EQ(keep(store, holder, 1), n);
    const StoreStats before = store.stats();
    const Status status = store.unref(other(holder), &n, 1);
    EXPECT_TRUE(refused(status, Error::not_owned));
    EXPECT_EQ(status.value(), index_of(n));
    EXPECT_EQ(status.users(), holder == Holder::user ? 2u : 0u);
    EXPECT_EQ(status.snapshots(), holder == Holder::snapshot ? 2u : 0u);
    EXPECT_TRUE(same_stats(store.stats(), before));
    EXPECT_EQ(store.count(n, holder), 2u);
    EXPECT_TRUE(store.has(n, 1));
    EXPECT_TRUE(store.is_valid());
  }
}

TEST_P(KindsOfHolders, ABatchThatGivesBackMoreThanItsHolderHasChangesNothing) {
  for (const Holder holder : {Holder::user, Holder::snapshot}) {
    OpenStore store(file());
    const PageNumber mine = keep(store, holder, 1), shared = keep(store, holder, 2), last = keep(store, holder, 3);
    keep(store, holder, 2);
    keep(store, other(holder), 2);
    const StoreStats before = store.stats();
    // Pages that would be recycled come first; then those that the other kind holds on, once more than there are.
    const PageNumber numbers[] = {mine, last, shared, shared, shared};
    const Status status = store.unref(holder, numbers, 5);
    EXPECT_TRUE(refused(status, Error::not_owned));
    EXPECT_EQ(status.value(), index_of(shared));
    EXPECT_EQ(status.users(), holder == Holder::user ? 2u : 1u);
    EXPECT_EQ(status.snapshots(), holder == Holder::user ? 1u : 2u);
    EXPECT_TRUE(same_stats(store.stats(), before));
    EXPECT_TRUE(store.is_valid());
    for (const PageNumber n : {mine, last}) EXPECT_EQ(store.count(n, holder), 1u);
    EXPECT_EQ(store.count(shared, holder), 2u);
    EXPECT_TRUE(store.has(mine, 1) && store.has(shared, 2) && store.has(last, 3));
    // One less is all that there is.
    EXPECT_TRUE(ok(store.unref(holder, numbers, 4)));
    EXPECT_EQ(store.size(), 1u);
    EXPECT_EQ(store.count(shared, other(holder)), 1u);
  }
}

TEST_P(KindsOfHolders, APageIsRecycledWhenNeitherKindHoldsIt) {
  for (const Holder first : {Holder::user, Holder::snapshot}) {
    const Holder last = other(first);
    OpenStore store(file());
    const PageNumber n = keep(store, first, 1);
    EXPECT_EQ(keep(store, last, 1), n);
    EXPECT_TRUE(ok(store.unref(first, &n, 1)));
    EXPECT_EQ(store.size(), 1u);
    // It is found as before, by its bytes and by its number.
    EXPECT_EQ(keep(store, first, 1), n);
    EXPECT_TRUE(store.has(n, 1));
    EXPECT_TRUE(ok(store.unref(first, &n, 1)));
    EXPECT_TRUE(ok(store.unref(last, &n, 1)));
    EXPECT_EQ(store.size(), 0u);
    EXPECT_TRUE(refused(store.unref(first, &n, 1), Error::page_number));
    EXPECT_TRUE(refused(store.unref(last, &n, 1), Error::page_number));
    EXPECT_TRUE(store.is_valid());
  }
}

TEST_P(KindsOfHolders, EitherKindMayReferToAPageThatOnlyTheOtherHolds) {
  for (const Holder holder : {Holder::user, Holder::snapshot}) {
    OpenStore store(file());
    const PageNumber n = keep(store, holder, 1);
    EXPECT_TRUE(ok(store.ref(other(holder), &n, 1)));
    EXPECT_TRUE(ok(store.unref(holder, &n, 1)));
    EXPECT_TRUE(store.has(n, 1));
    EXPECT_EQ(store.count(n, other(holder)), 1u);
    EXPECT_TRUE(ok(store.unref(other(holder), &n, 1)));
    EXPECT_EQ(store.size(), 0u);
    EXPECT_TRUE(refused(store.ref(other(holder), &n, 1), Error::page_number));
  }
}

TEST_P(KindsOfHolders, AStoreWithoutUsersIsAsAnyOther) {
  OpenStore store(file(), {.has_users = false});
  const PageNumber n = keep(store, Holder::snapshot, 1), other = keep(store, Holder::snapshot, 2);
  EXPECT_EQ(keep(store, Holder::snapshot, 1), n);
  const PageNumber numbers[] = {n, other, n, n};
  EXPECT_TRUE(refused(store.unref(Holder::snapshot, numbers, 4), Error::not_owned));
  EXPECT_TRUE(ok(store.unref(Holder::snapshot, numbers, 3)));
  EXPECT_EQ(store.size(), 0u);
  EXPECT_EQ(keep(store, Holder::snapshot, 3), n);
  EXPECT_TRUE(store.is_valid());
}

}  // namespace
}  // namespace pagestore::test

// The stores that snapshots live in: pages, the page tables that lead to them, and keys.
//
// Three, because equal bytes mean different things in each. The pages are a SharedStore's own (store/shared_store.h);
// the other two are added when its first memory is opened, and end with it.
//
// Who works with snapshots locks all three at once, exclusively, by a LockedStores. It leaves to its caller: to call
// `open_snapshot_stores` first, and to run nothing under the lock that could lock again.
#pragma once

#include "store/page_store.h"
#include "store/shared_store.h"
#include "system/assert.h"

namespace pagestore {

// Bytes of what a snapshot's key is made of.
inline constexpr size_t kKeyBytes = 64;

// One bit of a number says whether it is a page's or a table's, and blanks may lie behind the last page.
inline constexpr size_t kMostSnapshotPages = kMostPages / 2 - PageStore::kMostBlanks;

struct PageStores final : StoreCompanion {
  explicit PageStores(PageStore& pages) : pages(pages) {}

  PageStore& pages;
  PageStore tables;
  PageStore keys;
  uint64_t pages_put = 0;  // how often a page was put into a tree: no tree has more
};

// Makes the stores for page tables and for keys, unless they are there.
Status open_snapshot_stores(SharedStore& store);

// The stores of snapshots, until this ends. Null where the last user of the store has closed it, or where
// `open_snapshot_stores` was never called. Nothing may run meanwhile that could come back here: no JavaScript, and
// nothing that throws it.
class LockedStores {
 public:
  explicit LockedStores(SharedStore& store) : lock_(store), stores_(static_cast<PageStores*>(lock_.companion())) {}
  explicit operator bool() const { return stores_ != nullptr; }
  PageStores& operator*() const {
    PS_ASSERT(stores_ != nullptr);
    return *stores_;
  }
  PageStores* operator->() const { return &**this; }

 private:
  SharedStore::Lock lock_;
  PageStores* stores_;
};

// The figures of a store and of what its snapshots take.
struct SnapshotStats : StoreStats {
  uint64_t tables = 0;  // page tables of snapshots
  uint64_t keys = 0;    // what snapshots are recognised by
};
SnapshotStats stats_of(const SharedStore& store);

}  // namespace pagestore

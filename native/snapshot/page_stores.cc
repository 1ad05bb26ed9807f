#include "snapshot/page_stores.h"

#include <new>

#include "snapshot/page_tree.h"

namespace pagestore {

Status open_snapshot_stores(SharedStore& store) {
  SharedStore::Lock lock(store);
  if (lock.companion() != nullptr) return Status::ok();
  if (Status status = lock.pages()->lower_budget(kMostSnapshotPages); !status.is_ok()) return status;
  std::unique_ptr<PageStores> stores(new (std::nothrow) PageStores(*lock.pages()));
  if (!stores) return Status::no_memory(sizeof(PageStores));
  StoreOptions options{.max_pages = kMostSnapshotPages, .page_bytes = kTableBytes, .has_users = false};
  if (Status status = open_page_store(store.memory(), options, &stores->tables); !status.is_ok()) return status;
  options.page_bytes = kKeyBytes;
  if (Status status = open_page_store(store.memory(), options, &stores->keys); !status.is_ok()) return status;
  stores->tables.set_lock(lock.lock());
  stores->keys.set_lock(lock.lock());
  lock.set_companion(std::move(stores));
  return Status::ok();
}

SnapshotStats stats_of(const SharedStore& store) {
  const SharedStore::ReadLock lock(store);
  SnapshotStats stats{lock.pages()->stats()};
  if (const auto* stores = static_cast<const PageStores*>(lock.companion())) {
    const StoreStats tables = stores->tables.stats(), keys = stores->keys.stats();
    stats.tables = tables.pages;
    stats.keys = keys.pages;
    stats.bookkeeping_bytes += tables.bookkeeping_bytes + keys.bookkeeping_bytes;
  }
  return stats;
}

}  // namespace pagestore

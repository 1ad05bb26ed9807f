#include "snapshot/captured_memory.h"

#include "snapshot/stored_bytes.h"

namespace pagestore {

Status CapturedMemory::captured(PageStores& stores, const PageTree& tree, uint64_t pages, const SnapshotParts& parts,
                                Snapshot* snapshot) {
  Snapshot made;
  made.memory = tree;
  made.pages = pages;
  Status status = masks_.apply(stores, tree, parts.recognition, &made.masked, &made.tracked);
  if (status.is_ok()) status = store_bytes(stores, parts.regions, &made.regions);
  if (status.is_ok() && !parts.threads.empty()) status = store_bytes(stores, parts.threads, &made.threads);
  if (status.is_ok() && !parts.live.empty()) status = store_bytes(stores, parts.live, &made.live);
  if (status.is_ok()) status = make_key(stores, &made);
  if (status.is_ok()) status = PageTables(stores).hold(tree);  // ours, beside the snapshot's
  if (!status.is_ok()) {
    pagestore::release(stores, &made);
    return status;
  }
  become(stores, tree, pages);
  *snapshot = made;
  return Status::ok();
}

void CapturedMemory::become(PageStores& stores, const PageTree& tree, uint64_t pages) {
  PageTables(stores).release(tree_);
  tree_ = tree;
  pages_ = pages;
}

void CapturedMemory::release(PageStores& stores) {
  become(stores, {}, 0);
  masks_.release(stores);
  fingerprints_.release(stores);
}

}  // namespace pagestore

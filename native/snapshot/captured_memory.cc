#include "snapshot/captured_memory.h"

#include <cerrno>

#include "snapshot/stored_bytes.h"
#include "snapshot/stored_regions.h"

namespace pagestore {

Status CapturedMemory::commit(PageStores& stores, const PageTree& tree, uint64_t pages, const SnapshotParts& parts,
                              Snapshot* snapshot) {
  Snapshot made;
  made.memory = tree;
  made.pages = pages;
  Status status = masks_.apply(stores, tree, parts.recognition, &made.ignored, &made.tracked);
  if (status.is_ok()) status = store_regions(stores, parts.regions, &made.regions);
  if (status.is_ok() && !parts.threads.empty()) status = store_bytes(stores, parts.threads, &made.threads);
  if (status.is_ok() && !parts.live.empty()) status = store_bytes(stores, parts.live, &made.live);
  if (status.is_ok()) status = PageTables(stores).ref(tree);  // ours, beside the snapshot's
  if (!status.is_ok()) {
    pagestore::release(stores, &made);
    return status;
  }
  become(stores, tree, pages);
  *snapshot = made;
  return Status::ok();
}

Status CapturedMemory::mask(PageStores& stores, Snapshot* snapshot) {
  if (snapshot->is_masked) return Status::ok();
  const Status status = masks_.mask(stores, snapshot->memory, snapshot->ignored, &snapshot->masked);
  snapshot->is_masked = status.is_ok();
  return status;
}

Status CapturedMemory::make_key(PageStores& stores, Snapshot* snapshot) {
  if (snapshot->key != Child::absent) return Status::ok();
  // What is tracked counts alone.
  if (snapshot->tracked.root == Child::absent) {
    if (Status status = mask(stores, snapshot); !status.is_ok()) return status;
  }
  return pagestore::make_key(stores, snapshot);
}

Status CapturedMemory::store_regions(PageStores& stores, std::span<const std::byte> bytes, PageTree* regions) {
  PageTables tables(stores);
  if (!equal_bytes(bytes, {region_bytes_.data(), region_bytes_.size()})) {
    PageTree stored;
    GrowingArray<std::byte> copy;
    if (!copy.append(bytes)) return Status::out_of_memory("realloc", bytes.size(), ENOMEM);
    if (Status status = store_bytes(stores, bytes, &stored); !status.is_ok()) return status;
    tables.unref(regions_);
    regions_ = stored;
    std::swap(region_bytes_, copy);
  }
  *regions = {};
  const Status status = tables.ref(regions_);
  if (status.is_ok()) *regions = regions_;
  return status;
}

void CapturedMemory::become(PageStores& stores, const PageTree& tree, uint64_t pages) {
  PageTables(stores).unref(tree_);
  tree_ = tree;
  pages_ = pages;
}

void CapturedMemory::release(PageStores& stores) {
  become(stores, {}, 0);
  PageTables(stores).unref(regions_);
  regions_ = {};
  region_bytes_.clear();
  masks_.release(stores);
  fingerprints_.release(stores);
}

}  // namespace pagestore

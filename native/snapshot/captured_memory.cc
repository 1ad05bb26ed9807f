#include "snapshot/captured_memory.h"

#include "snapshot/stored_bytes.h"
#include "snapshot/stored_regions.h"

namespace pagestore {

Status CapturedMemory::commit(PageStores& stores, OwnedTree tree, uint64_t pages, const SnapshotParts& parts,
                              OwnedSnapshot* snapshot) {
  OwnedTree ours, ignored, tracked, regions, counted, threads, waits, live;
  if (Status status = OwnedTree::ref(stores, tree.get(), &ours); !status.is_ok()) return status;
  Recognition recognition = parts.recognition;
  recognition.regions = parts.regions;
  Status status = masks_.apply(stores, tree.get(), recognition, &ignored, &tracked);
  if (!status.is_ok()) return status;
  if (status = regions_.store(stores, parts.regions, &regions); !status.is_ok()) return status;
  if (parts.counted.empty()) {
    status = OwnedTree::ref(stores, regions.get(), &counted);
  } else {
    status = counted_.store(stores, parts.counted, &counted);
  }
  if (!status.is_ok()) return status;
  if (!parts.threads.empty()) status = store_bytes(stores, parts.threads, &threads);
  if (!parts.waits.empty() && status.is_ok()) status = store_bytes(stores, parts.waits, &waits);
  if (!status.is_ok()) return status;
  if (!parts.live.empty()) status = store_bytes(stores, parts.live, &live);
  if (!status.is_ok()) return status;
  become(stores, std::move(ours), pages);
  Snapshot made;
  made.memory = tree.take();
  made.ignored = ignored.take();
  made.tracked = tracked.take();
  made.regions = regions.take();
  made.counted = counted.take();
  made.threads = threads.take();
  made.waits = waits.take();
  made.live = live.take();
  made.pages = pages;
  *snapshot = OwnedSnapshot(stores, made);
  return Status::ok();
}

Status CapturedMemory::mask(PageStores& stores, Snapshot* snapshot) {
  if (snapshot->is_masked) return Status::ok();
  OwnedTree masked;
  Status status = masks_.mask(stores, snapshot->memory, snapshot->ignored, &masked);
  if (!status.is_ok()) return status;
  snapshot->masked = masked.take();
  snapshot->is_masked = true;
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

Status KeptBytes::store(PageStores& stores, std::span<const std::byte> bytes, OwnedTree* tree) {
  if (!equal_bytes(bytes, {bytes_.data(), bytes_.size()})) {
    OwnedTree stored;
    GrowingArray<std::byte> copy;
    if (!copy.append(bytes)) return Status::no_memory(bytes.size());
    if (Status status = store_bytes(stores, bytes, &stored); !status.is_ok()) return status;
    replace(stores, &tree_, std::move(stored));
    std::swap(bytes_, copy);
  }
  return OwnedTree::ref(stores, tree_, tree);
}

void KeptBytes::release(PageStores& stores) {
  give_back(stores, &tree_);
  bytes_.clear();
}

void CapturedMemory::become(PageStores& stores, OwnedTree tree, uint64_t pages) {
  replace(stores, &tree_, std::move(tree));
  pages_ = pages;
}

void CapturedMemory::release(PageStores& stores) {
  become(stores, {}, 0);
  regions_.release(stores);
  counted_.release(stores);
  masks_.release(stores);
  fingerprints_.release(stores);
}

}  // namespace pagestore

// A memory as its snapshots know it: the tree it was last known to be, and what of it counts.
//
// What all kinds of memory have in common. Each kind finds out what has changed and edits the last tree; here the new
// tree becomes a snapshot.
//
// It leaves to its caller: to have the stores' lock wherever the stores are passed, and to call `release` at the end.
#pragma once

#include <cstddef>
#include <span>

#include "snapshot/fingerprint.h"
#include "snapshot/masks.h"
#include "snapshot/snapshot.h"
#include "system/assert.h"

namespace pagestore {

// What a snapshot consists of beside its pages, and what counts when it is recognised. The bytes stay the caller's.
struct SnapshotParts {
  std::span<const std::byte> regions = {};
  std::span<const std::byte> counted = {};  // the regions as far as they count; none if all of them do
  std::span<const std::byte> threads = {};
  std::span<const std::byte> waits = {};
  std::span<const std::byte> live = {};
  Recognition recognition = {};
};

// Bytes that were stored, in case that the next ones are equal.
class KeptBytes {
 public:
  Status store(PageStores& stores, std::span<const std::byte> bytes, OwnedTree* tree);
  void release(PageStores& stores);
  bool is_empty() const { return tree_ == PageTree{}; }

 private:
  PageTree tree_;
  GrowingArray<std::byte> bytes_;
};

class CapturedMemory {
 public:
  ~CapturedMemory() { PS_ASSERT(tree_ == PageTree{} && regions_.is_empty() && counted_.is_empty()); }

  // The tree that the memory was at the last capture or restore.
  const PageTree& tree() const { return tree_; }
  uint64_t pages() const { return pages_; }

  // The memory is `tree` now, with so many pages that are not zero. On failure it is known as before.
  Status commit(PageStores& stores, OwnedTree tree, uint64_t pages, const SnapshotParts& parts,
                OwnedSnapshot* snapshot);

  // Makes the masked tree of a snapshot of this memory, or its key, unless it has one.
  Status mask(PageStores& stores, Snapshot* snapshot);
  Status make_key(PageStores& stores, Snapshot* snapshot);

  // The memory was made equal to a snapshot with this tree and so many pages that are not zero.
  void mark_restored(PageStores& stores, OwnedTree tree, uint64_t pages) { become(stores, std::move(tree), pages); }

  Masks& masks() { return masks_; }
  Fingerprints& fingerprints() { return fingerprints_; }

  void release(PageStores& stores);

 private:
  void become(PageStores& stores, OwnedTree tree, uint64_t pages);

  PageTree tree_;
  uint64_t pages_ = 0;
  // Of the last snapshot: regions are the same most of the time.
  KeptBytes regions_, counted_;
  Masks masks_;
  Fingerprints fingerprints_;
};

}  // namespace pagestore

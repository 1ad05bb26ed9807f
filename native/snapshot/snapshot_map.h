// A stretch of a snapshot as contiguous memory: made of the stored pages themselves where they lie one
// behind another in the store, and copied where they do not.
//
// Whoever writes to it gets a copy of their own. The pages that it shows stay held until its end, and
// after the store's end it shows what it showed. A long run is cheaper mapped, a short one copied; and a
// process can have only so many mappings, beyond which allocations that have nothing to do with us would
// fail: so all maps together use but a part of them, and then everything is copied.
#pragma once

#include <cstddef>

#include "snapshot/page_table.h"
#include "store/shared_store.h"
#include "system/address_range.h"
#include "system/mapping.h"

namespace pagestore {

class SnapshotMap {
 public:
  // Whole pages of `tree` around `range`. Null with a status when refused.
  static Status make(SharedStore* store, const PageTree& tree, const AddressRange& range, SnapshotMap** map);

  // Where the first byte of the first page is.
  std::byte* data() const { return mapping_.data(); }
  size_t bytes() const { return mapping_.bytes(); }

  // Unmaps, and deletes this.
  void close();

  // Deletes this and leaves zeroes where it was: somebody out of our sight may still read there.
  void leave_zeroes();

 private:
  SnapshotMap(SharedStore* store, Mapping mapping) : store_(store), mapping_(std::move(mapping)) {}
  ~SnapshotMap() = default;
  Status show_owned(const PageTree& tree, const AddressRange& pages);
  // False when there is no memory to show something in.
  bool show(PageStores& stores, const PageTree& tree, const AddressRange& pages);
  bool show_run(PageStores& stores, PageNumber first, size_t count, size_t offset);
  void end();

  SharedStore* store_;
  Mapping mapping_;
  PageTree tree_;
  size_t runs_ = 0;  // mapped, not copied
};

}  // namespace pagestore

// A range of a snapshot as contiguous memory: made of the stored pages themselves where they lie one behind another in
// the store, and copied where they do not.
//
//   store     | 7 | 8 | 9 | 10| 11|          | 3 |
//               \   \   \   \  mapped          | copied
//   memory    | 7 | 8 | 9 | 10|  zeroes  | 3 |
//
// Who writes to it gets a copy of the page. It has a reference on its tree until its end, and after the store's end it
// still shows the same bytes. A long run is cheaper to map, a short one to copy. A process can have only so many
// mappings; at that limit allocations that have nothing to do with us would fail. So all maps together use a part of
// them, and beyond that everything is copied.
//
// It leaves to its caller: to pass a range that is not empty, not to have the store's lock, and to end each map once,
// by `close` or `leave_zeroes`, from any thread.
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

  // Deletes this and leaves zeroes mapped: a reader that cannot be told to stop may still read there.
  void leave_zeroes();

 private:
  SnapshotMap(SharedStore* store, Mapping mapping) : store_(store), mapping_(std::move(mapping)) {}
  ~SnapshotMap() = default;
  Status show_owned(const PageTree& tree, const AddressRange& pages);
  Status show(PageStores& stores, const PageTree& tree, const AddressRange& pages);
  // Refused where the run could neither be mapped nor copied.
  Status show_run(PageStores& stores, PageNumber first, size_t count, size_t offset);
  void end();

  SharedStore* store_;
  Mapping mapping_;
  PageTree tree_;
  size_t runs_ = 0;  // mapped, not copied
};

}  // namespace pagestore

// Ignored and tracked ranges: what of a memory counts when it is recognised.
//
// The masked tree is the true one with ignored ranges read as zero. It is kept from snapshot to
// snapshot: what differs between two true trees, or is ignored in one of them alone, is all that can
// differ between the two masked ones.
#pragma once

#include "snapshot/page_table.h"
#include "snapshot/tree_edit.h"
#include "system/address_range.h"

namespace pagestore {

// What one snapshot adds to the ranges that hold for all.
struct Recognition {
  std::span<const AddressRange> ignored = {};  // in any order
  std::span<const AddressRange> tracked = {};
};

class Masks {
 public:
  // Bytes that may differ in equal states. From the next snapshot on.
  Status ignore(const AddressRange& range);
  // Bytes that alone make a state; in the order of the calls.
  Status track(const AddressRange& range);
  bool tracks() const { return !tracked_.empty(); }

  // What of `memory` counts in a snapshot: the ranges that do not, as bytes, and the bytes of tracked ranges. Each is
  // empty where there are none.
  Status apply(PageStores& stores, const PageTree& memory, const Recognition& recognition, OwnedTree* ignored,
               OwnedTree* tracked) const;

  // `memory` with the ranges that `ignored` lists read as zero.
  Status mask(PageStores& stores, const PageTree& memory, const PageTree& ignored, OwnedTree* masked);

  // Gives back what is kept.
  void release(PageStores& stores);

 private:
  static Status mask_page(PageStores& stores, const RangeSet& ignored, const PageChange& page, OwnedPage* masked);
  Status find_changed(PageStores& stores, const PageTree& memory, const RangeSet& ignored,
                      GrowingArray<PageChange>* changed) const;
  Status mask_changed(PageStores& stores, const PageTree& memory, const RangeSet& ignored, OwnedTree* masked) const;
  Status remember(PageStores& stores, const PageTree& memory, const PageTree& masked, RangeSet ignored);
  Status gather(PageStores& stores, const PageTree& memory, std::span<const AddressRange> more,
                OwnedTree* tracked) const;

  RangeSet ignored_;
  GrowingArray<AddressRange> tracked_;
  // Of the last snapshot that was masked: its trees, and what was ignored in it. Both empty: nothing is kept.
  PageTree kept_memory_, kept_masked_;
  RangeSet kept_ignored_;
};

}  // namespace pagestore

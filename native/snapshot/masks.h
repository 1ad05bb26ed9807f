// Ignored and tracked ranges: what of a memory counts when it is recognised.
//
// The masked tree is the true one with ignored ranges read as zero. The last one is kept, and the next is made from it:
// the two masked trees can differ only where the two true ones do, or in what is ignored in one of them alone.
//
// It leaves to its caller: to have the stores' lock wherever stores are passed, and to call `release` at the end.
#pragma once

#include "snapshot/page_table.h"
#include "snapshot/tracked_ranges.h"
#include "snapshot/tree_edit.h"
#include "system/address_range.h"
#include "system/assert.h"

namespace pagestore {

class Masks {
 public:
  ~Masks() { PS_ASSERT(kept_memory_ == PageTree{} && kept_masked_ == PageTree{}); }

  // From the next snapshot on, bytes that may differ in equal states.
  Status ignore(const AddressRange& range);
  // Bytes that make a state, and alone do; in the order of the calls.
  Status track(const AddressRange& range) { return tracked_.add(range); }
  bool has_tracked_ranges() const { return !tracked_.empty(); }

  // What of `memory` counts in a snapshot: the ranges that do not, as bytes, and the bytes of tracked ranges. Each is
  // empty where there are none. Refused where not all of what is tracked is captured (tracked_ranges.h).
  Status apply(PageStores& stores, const PageTree& memory, const Recognition& recognition, OwnedTree* ignored,
               OwnedTree* tracked);

  // `memory` with the ranges that `ignored` lists read as zero.
  Status mask(PageStores& stores, const PageTree& memory, const PageTree& ignored, OwnedTree* masked);

  // Gives back what is kept.
  void release(PageStores& stores);

 private:
  // A page of a memory; the memory's tree has the reference.
  struct MemoryPage {
    VirtualPage virtual_page;
    Child page;
  };

  static Status mask_page(PageStores& stores, const RangeSet& ignored, const MemoryPage& page, OwnedPage* masked);
  Status find_changed(PageStores& stores, const PageTree& memory, const RangeSet& ignored,
                      GrowingArray<MemoryPage>* changed) const;
  Status mask_changed(PageStores& stores, const PageTree& memory, const RangeSet& ignored, OwnedTree* masked) const;
  Status remember(PageStores& stores, const PageTree& memory, const PageTree& masked, RangeSet ignored);
  static Status gather(PageStores& stores, const PageTree& memory, std::span<const AddressRange> ranges,
                       OwnedTree* tracked);
  static Status gather_once(PageStores& stores, const PageTree& memory, std::span<const AddressRange> ranges,
                            const RangeSet& all, OwnedTree* tracked);

  RangeSet ignored_;
  TrackedRanges tracked_;
  // Of the last snapshot that was masked: its true and its masked tree, and what was ignored in it.
  PageTree kept_memory_, kept_masked_;
  RangeSet kept_ignored_;
};

}  // namespace pagestore

// Ignored and tracked ranges: what of a memory counts when it is recognised.
//
// The masked tree is the true one with ignored ranges read as zero. It is kept from snapshot to
// snapshot: what differs between two true trees is all that can differ between the two masked ones.
#pragma once

#include "snapshot/address_range.h"
#include "snapshot/page_table.h"
#include "snapshot/tree_edit.h"

namespace pagestore {

class Masks {
 public:
  // Bytes that may differ in equal states. From the next snapshot on.
  Status ignore(const AddressRange& range);
  // Bytes that alone make a state; in the order of the calls.
  Status track(const AddressRange& range);

  // What `memory` is recognised by; the caller releases both trees. Without tracked ranges `tracked` is
  // empty.
  Status apply(PageStores& stores, const PageTree& memory, PageTree* masked, PageTree* tracked);

  // Gives back what is kept.
  void release(PageStores& stores);

 private:
  Status mask(PageStores& stores, VirtualPage place, Child page, Child* masked) const;
  Status set_masked(PageStores& stores, VirtualPage place, Child page, TreeEdit* edit) const;
  Status mask_all(PageStores& stores, const PageTree& memory, PageTree* masked) const;
  Status mask_differences(PageStores& stores, const PageTree& memory, PageTree* masked) const;
  Status keep(PageStores& stores, const PageTree& memory, const PageTree& masked);
  Status gather(PageStores& stores, const PageTree& memory, PageTree* tracked) const;

  RangeSet ignored_;
  GrowingArray<AddressRange> tracked_;
  PageTree kept_memory_, kept_masked_;
  bool is_stale_ = true;  // nothing is kept, or the ranges have changed since
};

}  // namespace pagestore

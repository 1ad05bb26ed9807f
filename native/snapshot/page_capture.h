// Pages that are looked at, one after another, and become a tree.
//
// A page comes as a blank slot of the store that it was read into; one that is what it was leaves the slot
// at once. To be used under one hold of the stores' lock; what is not finished leaves nothing behind.
#pragma once

#include "snapshot/tree_edit.h"

namespace pagestore {

class PageCapture {
 public:
  // `from` is what the memory was known to be; it stays the caller's, and must live as long as this.
  PageCapture(PageStores& stores, const PageTree& from, uint64_t pages)
      : stores_(stores), from_(from), known_(stores, from), edit_(stores, from, pages) {}

  // Places come in rising order. Takes over the blank. Tells whether the page is what it was.
  Status look_at(VirtualPage place, PageNumber blank, bool* is_same);

  // There is nothing at `place`, or from `first` to just before `end`.
  Status forget(VirtualPage place) { return known_.page_at(place) == Child::absent ? Status::ok() : remove(place); }
  Status forget(VirtualPage first, VirtualPage end);

  Status finish(PageTree* tree, uint64_t* pages) { return edit_.finish(tree, pages); }

 private:
  Status remove(VirtualPage place) { return edit_.set(place, Child::absent); }

  PageStores& stores_;
  const PageTree& from_;
  TreeReader known_;
  TreeEdit edit_;
};

}  // namespace pagestore

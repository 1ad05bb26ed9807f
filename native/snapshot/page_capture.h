// Pages that are captured, one after another, and become a tree.
//
// A page comes in the blank that it was read into. A page that is as it was gives its blank back at once, and what was
// not finished leaves nothing behind. It leaves to its caller: to have the stores' lock from the first call to the
// last.
#pragma once

#include "snapshot/tree_edit.h"

namespace pagestore {

class PageCapture {
 public:
  // `from` is what the memory was known to be; it stays the caller's, and must live as long as this.
  PageCapture(PageStores& stores, const PageTree& from, uint64_t pages)
      : stores_(stores), from_(from), known_(stores, from), edit_(stores, from, pages) {}

  // Says whether the page is what it was. Virtual pages come in rising order.
  Status capture(VirtualPage virtual_page, OwnedBlank blank, bool* is_same);

  // Whether the memory was known to have nothing, or zeroes, there.
  Status is_absent(VirtualPage virtual_page, bool* is_absent);

  // The same, of all from `first` to just before `end`.
  Status is_absent(VirtualPage first, VirtualPage end, bool* is_absent) const;

  // There is nothing at `virtual_page`, or from `first` to just before `end`.
  Status remove(VirtualPage virtual_page);
  Status remove(VirtualPage first, VirtualPage end) { return edit_.remove(first, end); }

  Status finish(OwnedTree* tree, uint64_t* pages) { return edit_.finish(tree, pages); }

 private:
  PageStores& stores_;
  const PageTree& from_;
  TreeReader known_;
  TreeEdit edit_;
};

}  // namespace pagestore

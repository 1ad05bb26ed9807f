// A tree that is being changed, page by page, without room for all changes at once.
//
// Changes are gathered in small batches and put into the tree batch by batch. The destructor gives back what was not
// finished. It leaves to its caller: to have the stores' lock from the first call to the last, and to make no call
// after one that failed.
#pragma once

#include "snapshot/page_table.h"
#include "system/non_copyable.h"

namespace pagestore {

class TreeEdit : NonCopyable {
 public:
  // `from` stays the caller's, and must live as long as this. `pages`: how many of its virtual pages have a page.
  TreeEdit(PageStores& stores, const PageTree& from, uint64_t pages) : stores_(stores), from_(from), pages_(pages) {}
  ~TreeEdit() { give_back_changes(); }

  // Virtual pages come in rising order.
  Status set(VirtualPage virtual_page, OwnedPage page);

  // There is nothing from `first` to just before `end`. Costs what was there.
  Status remove(VirtualPage first, VirtualPage end);

  // The tree with all changes, and how many of its virtual pages have a page. The last call.
  Status finish(OwnedTree* tree, uint64_t* pages);

 private:
  static constexpr size_t kBatch = 256;
  Status flush();
  void give_back_changes();

  PageStores& stores_;
  const PageTree from_;
  OwnedTree edited_;  // once `is_edited_`
  bool is_edited_ = false;
  uint64_t pages_;
  VirtualPage next_ = 0;  // the lowest that may come next
  size_t count_ = 0;
  PageChange changes_[kBatch];
};

}  // namespace pagestore

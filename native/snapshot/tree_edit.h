// A tree being changed, page by page, without room for all changes at once.
//
// Changes are gathered in small batches and put into the tree batch by batch; what is not finished is
// given back by the destructor. To be used under one hold of the stores' lock.
#pragma once

#include "snapshot/page_table.h"

namespace pagestore {

class TreeEdit {
 public:
  // `from` stays the caller's, and must live as long as this.
  TreeEdit(PageStores& stores, const PageTree& from, uint64_t pages) : tables_(stores), tree_(from), pages_(pages) {}
  TreeEdit(const TreeEdit&) = delete;
  TreeEdit& operator=(const TreeEdit&) = delete;
  ~TreeEdit();

  // Places come in rising order. Takes over a reference on the page, also when it fails.
  Status set(VirtualPage place, Child page);

  // The tree with all changes, the caller's from now on, and how many places have a page.
  Status finish(PageTree* tree, uint64_t* pages);

 private:
  static constexpr size_t kBatch = 256;
  Status flush();
  void give_back();

  PageTables tables_;
  PageTree tree_;
  bool is_ours_ = false;  // `tree_` is not the one that we started from
  uint64_t pages_;
  size_t count_ = 0;
  PageChange changes_[kBatch];
};

}  // namespace pagestore

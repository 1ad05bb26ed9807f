#include "snapshot/owned.h"

#include "snapshot/page_table.h"
#include "store/page_copy.h"

namespace pagestore {

// That the reference is there cannot be doubted, unless JavaScript has released more pages than its own.
OwnedPage::~OwnedPage() {
  if (child_ == Child::absent) return;
  const PageNumber number = number_of(child_);
  static_cast<void>(pages_->unref(&number, 1));
}

Status OwnedPage::ref(PageStore& pages, Child page, OwnedPage* owned) {
  if (page == Child::absent) {
    *owned = {};
    return Status::ok();
  }
  PS_ASSERT(!is_table(page));
  const PageNumber number = number_of(page);
  const Status status = pages.ref(&number, 1);
  if (status.is_ok()) *owned = {pages, number};
  return status;
}

Status OwnedPage::keep(PageStore& pages, PageNumber blank, OwnedPage* owned) {
  if (is_zero(pages.blank(blank), page_size())) {
    pages.give_back(&blank, 1);
    *owned = {};
    return Status::ok();
  }
  PageNumber number;
  const Status status = pages.keep_blank(blank, &number);
  if (status.is_ok()) *owned = {pages, number};
  return status;
}

OwnedTree::~OwnedTree() {
  if (tree_.root != Child::absent) PageTables(*stores_).unref(tree_);
}

Status OwnedTree::ref(PageStores& stores, const PageTree& tree, OwnedTree* owned) {
  const Status status = PageTables(stores).ref(tree);
  if (status.is_ok()) *owned = {stores, tree};
  return status;
}

void replace(PageStores& stores, PageTree* kept, OwnedTree tree) {
  const OwnedTree before(stores, *kept);
  *kept = tree.take();
}

}  // namespace pagestore

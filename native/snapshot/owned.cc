#include "snapshot/owned.h"

#include "snapshot/page_table.h"
#include "store/page_copy.h"

namespace pagestore {

Status OwnedBlank::borrow(PageStore& pages, OwnedBlank* blank) {
  PageNumber number;
  const Status status = pages.take_blanks(1, &number);
  if (status.is_ok()) *blank = {pages, number};
  return status;
}

Status OwnedBlanks::borrow(size_t count) {
  PS_ASSERT(size_ == 0);
  const Status status = pages_.take_blanks(count, numbers_);
  if (status.is_ok()) size_ = count;
  return status;
}

OwnedPage::~OwnedPage() {
  if (child_ == Child::absent) return;
  const PageNumber number = number_of(child_);
  static_cast<void>(pages_->unref(Holder::snapshot, &number, 1));
}

Status OwnedPage::ref(PageStore& pages, Child page, OwnedPage* owned) {
  if (page == Child::absent) {
    *owned = {};
    return Status::ok();
  }
  PS_ASSERT(!is_table(page));
  const PageNumber number = number_of(page);
  const Status status = pages.ref(Holder::snapshot, &number, 1);
  if (status.is_ok()) *owned = {pages, number};
  return status;
}

Status OwnedPage::keep(OwnedBlank blank, OwnedPage* owned) {
  if (is_zero(blank.bytes(), page_size())) {
    *owned = {};
    return Status::ok();
  }
  PageStore& pages = *blank.pages_;
  PageNumber number;
  const Status status = pages.keep_blank(blank.take(), &number);
  if (status.is_ok()) *owned = {pages, number};
  return status;
}

OwnedTree::~OwnedTree() {
  static_cast<void>(give_back());
}

Status OwnedTree::give_back() {
  const PageTree tree = take();
  return tree.root == Child::absent ? Status::ok() : PageTables(*stores_).unref(tree);
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

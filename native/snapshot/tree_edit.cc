#include "snapshot/tree_edit.h"

namespace pagestore {

void TreeEdit::give_back_changes() {
  for (const PageChange& change : std::span(changes_, std::exchange(count_, 0))) {
    if (change.page != Child::absent) OwnedPage(stores_.pages, number_of(change.page));
  }
}

Status TreeEdit::set(VirtualPage virtual_page, OwnedPage page) {
  PS_ASSERT(virtual_page >= next_);
  next_ = virtual_page + 1;
  changes_[count_++] = {virtual_page, page.take()};
  return count_ < kBatch ? Status::ok() : flush();
}

Status TreeEdit::remove(VirtualPage first, VirtualPage end) {
  if (first >= end) return Status::ok();
  return PageTables(stores_).differences(from_, {}, first, end - 1,
                                         [&](VirtualPage virtual_page, Child, Child) { return set(virtual_page, {}); });
}

Status TreeEdit::flush() {
  const PageTree& tree = is_edited_ ? edited_.get() : from_;
  OwnedTree next;
  Status status = PageTables(stores_).edit(tree, std::span(changes_, count_), &next, &pages_);
  if (status.is_ok()) {
    count_ = 0;  // their pages were taken
    edited_ = std::move(next);
    is_edited_ = true;
  } else {
    give_back_changes();
  }
  return status;
}

Status TreeEdit::finish(OwnedTree* tree, uint64_t* pages) {
  if (count_ > 0) {
    if (Status status = flush(); !status.is_ok()) return status;
  }
  if (!is_edited_) {
    if (Status status = OwnedTree::ref(stores_, from_, &edited_); !status.is_ok()) return status;
  }
  *tree = std::move(edited_);
  *pages = pages_;
  return Status::ok();
}

}  // namespace pagestore

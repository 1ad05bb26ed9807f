#include "snapshot/tree_edit.h"

namespace pagestore {

TreeEdit::~TreeEdit() {
  tables_.unref_pages(std::span(changes_, count_));
  give_back();
}

void TreeEdit::give_back() {
  if (is_ours_) tables_.unref(tree_);
  is_ours_ = false;
}

Status TreeEdit::set(VirtualPage place, Child page) {
  changes_[count_++] = {place, page};
  return count_ < kBatch ? Status::ok() : flush();
}

Status TreeEdit::flush() {
  PageTree next;
  const std::span changes(changes_, count_);
  count_ = 0;
  if (Status status = tables_.edit(tree_, changes, &next, &pages_); !status.is_ok()) return status;
  give_back();
  tree_ = next;
  is_ours_ = true;
  return Status::ok();
}

Status TreeEdit::finish(PageTree* tree, uint64_t* pages) {
  if (count_ > 0) {
    if (Status status = flush(); !status.is_ok()) return status;
  }
  if (!is_ours_) {
    if (Status status = tables_.ref(tree_); !status.is_ok()) return status;
  }
  is_ours_ = false;
  *tree = tree_;
  *pages = pages_;
  return Status::ok();
}

}  // namespace pagestore

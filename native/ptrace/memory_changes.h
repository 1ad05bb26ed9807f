// What may have changed in the memory of a traced process since a capture or a restore knew all of it.
//
// Whoever lets a thread run or writes memory marks that here; so does whoever sees a system call that changes mappings
// or drops pages. A capture asks, and then does no more than it must: nothing if nothing has run; the list of mappings
// is read again only if a mapping may have changed.
//
// It promises to err to one side: what is not marked has not changed. At first everything counts as changed. It leaves
// to its caller: to call `mark_known` only when every page is known, and before anything runs again.
#pragma once

#include <span>

#include "system/address_range.h"

namespace pagestore {

class MemoryChanges {
 public:
  // Whether anything ran or was written; whether mappings may have changed; whether more may have happened than was
  // seen; and ranges whose pages the process told the kernel to drop or to replace.
  bool has_run() const { return has_run_; }
  bool has_changed_mappings() const { return has_changed_mappings_; }
  bool has_unseen() const { return has_unseen_; }
  std::span<const AddressRange> advised() const { return {advised_.data(), advised_.size()}; }

  void mark_run() { has_run_ = true; }
  void mark_mappings_changed() { has_run_ = has_changed_mappings_ = true; }
  // Somebody else did what nobody saw, to mappings and pages.
  void mark_unseen() {
    mark_mappings_changed();
    has_unseen_ = true;
  }
  // `length` bytes at `address`, as the process said; nonsense is ignored.
  void add_advice(uint64_t address, uint64_t length);
  void mark_known() {
    has_run_ = has_changed_mappings_ = has_unseen_ = false;
    advised_.clear();
  }

 private:
  bool has_run_ = true, has_changed_mappings_ = true, has_unseen_ = false;
  GrowingArray<AddressRange> advised_;
};

}  // namespace pagestore

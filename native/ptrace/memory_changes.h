// What may have changed in the memory of a traced process since somebody knew all of it.
#pragma once

#include <span>

#include "system/address_range.h"

namespace pagestore {

class MemoryChanges {
 public:
  // Whether anything ran or was written; whether mappings may have changed; and ranges whose pages the process
  // told the kernel to drop or to replace.
  bool has_run() const { return has_run_; }
  bool has_changed_mappings() const { return has_changed_mappings_; }
  std::span<const AddressRange> advised() const { return {advised_.data(), advised_.size()}; }

  void mark_run() { has_run_ = true; }
  void mark_mappings_changed() { has_run_ = has_changed_mappings_ = true; }
  // `length` bytes at `address`, as the process said; nonsense is ignored.
  void add_advice(uint64_t address, uint64_t length);
  void mark_known() {
    has_run_ = has_changed_mappings_ = false;
    advised_.clear();
  }

 private:
  bool has_run_ = true, has_changed_mappings_ = true;
  GrowingArray<AddressRange> advised_;
};

}  // namespace pagestore

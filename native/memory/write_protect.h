// Dirty pages by write-protection: a userfaultfd in its asynchronous mode marks what is written, and
// PAGEMAP_SCAN reads the marks.
//
// Each tracker has a userfaultfd of its own, so that two memories cannot take each other's marks: the
// kernel refuses to watch a range twice. What is watched comes free with the descriptor.
#pragma once

#include "linux/pagemap.h"
#include "memory/tracker.h"
#include "system/scoped_fd.h"

namespace pagestore {

class WriteProtect final : public Tracker {
 public:
  static Status make(std::unique_ptr<Tracker>* tracker);

  TrackerKind kind() const override { return TrackerKind::write_protect; }
  Status register_range(const AddressRange& range) override;
  Status scan(Protect protect, GrowingArray<AddressRange>* runs) override;
  Status write_protect(const AddressRange& range) override;

 private:
  WriteProtect(ScopedFd userfaultfd, Pagemap pagemap)
      : userfaultfd_(std::move(userfaultfd)), pagemap_(std::move(pagemap)) {}

  ScopedFd userfaultfd_;
  Pagemap pagemap_;
  AddressRange range_{};
};

}  // namespace pagestore

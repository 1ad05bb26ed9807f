// Dirty pages by write-protection: a userfaultfd notes the first write to each protected page, and PAGEMAP_SCAN
// reads the notes.
//
// Each tracker has a userfaultfd of its own, so that two memories cannot take dirty pages from each other: the
// kernel refuses to register a range twice. Deleting the tracker unregisters its range.
#pragma once

#include "linux/pagemap.h"
#include "linux/userfaultfd.h"
#include "memory/tracker.h"

namespace pagestore {

class WriteProtect final : public Tracker {
 public:
  static Status make(std::unique_ptr<Tracker>* tracker);

  TrackerKind kind() const override { return TrackerKind::write_protect; }
  Status register_range(const AddressRange& range) override;
  Status scan(Protect protect, GrowingArray<AddressRange>* runs) override {
    return pagemap_.written(range_, protect, runs);
  }
  Status write_protect(const AddressRange& range) override { return userfaultfd_.write_protect(range); }

 private:
  WriteProtect(Userfaultfd userfaultfd, Pagemap pagemap)
      : userfaultfd_(std::move(userfaultfd)), pagemap_(std::move(pagemap)) {}

  Userfaultfd userfaultfd_;
  Pagemap pagemap_;
  AddressRange range_{};
};

}  // namespace pagestore

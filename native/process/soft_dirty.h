// Dirty pages by the soft-dirty bit: `/proc/self/clear_refs` clears it, `/proc/self/pagemap` shows it.
//
// Clearing concerns the whole process, so one memory at a time has this tracker. Writes to
// `clear_refs` succeed on kernels that have no such bit, and then nothing ever reads as dirty: whoever
// wants it must see it work first.
#pragma once

#include "process/pagemap.h"
#include "process/tracker.h"
#include "system/scoped_fd.h"

namespace pagestore {

class SoftDirty final : public Tracker {
 public:
  static Status make(std::unique_ptr<Tracker>* tracker);
  ~SoftDirty() override;

  TrackerKind kind() const override { return TrackerKind::soft_dirty; }
  Status watch(const AddressRange& range) override;
  Status dirty(Arm arm, GrowingArray<AddressRange>* runs) override;
  Status present(GrowingArray<AddressRange>* runs) override;
  Status arm(const AddressRange&) override { return Status::ok(); }

 private:
  SoftDirty(Pagemap pagemap, ScopedFd clear_refs) : pagemap_(std::move(pagemap)), clear_refs_(std::move(clear_refs)) {}

  Pagemap pagemap_;
  ScopedFd clear_refs_;
  AddressRange range_{};
};

}  // namespace pagestore

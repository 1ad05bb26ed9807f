// Dirty pages by the soft-dirty bit: `/proc/self/clear_refs` clears it, `/proc/self/pagemap` shows it.
//
// Clearing concerns the whole process, so one memory at a time has this tracker, of our own process or of
// another; a program outside that clears the bits, too, cannot be noticed. Writes to
// `clear_refs` succeed on kernels that have no such bit, and then nothing ever reads as dirty: whoever
// wants it must see it work first.
#pragma once

#include "linux/pagemap.h"
#include "memory/tracker.h"
#include "system/scoped_fd.h"

namespace pagestore {

// The right to clear soft-dirty bits, of which this process gives one at a time.
class SoftDirtyClaim {
 public:
  SoftDirtyClaim() = default;
  SoftDirtyClaim(const SoftDirtyClaim&) = delete;
  SoftDirtyClaim& operator=(const SoftDirtyClaim&) = delete;
  ~SoftDirtyClaim();
  bool take();

 private:
  bool is_ours_ = false;
};

class SoftDirty final : public Tracker {
 public:
  static Status make(std::unique_ptr<Tracker>* tracker);
  TrackerKind kind() const override { return TrackerKind::soft_dirty; }
  Status register_range(const AddressRange& range) override;
  Status scan(Protect protect, GrowingArray<AddressRange>* runs) override;
  Status write_protect(const AddressRange&) override { return Status::ok(); }

 private:
  SoftDirty() = default;

  Pagemap pagemap_;
  ScopedFd clear_refs_;
  SoftDirtyClaim claim_;
  AddressRange range_{};
};

}  // namespace pagestore

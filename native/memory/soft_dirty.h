// Dirty pages by the soft-dirty bit: `/proc/self/clear_refs` clears it, `/proc/self/pagemap` shows it.
//
// The kernel clears the bits of a whole process at once, so of all memories here, of our own process or of others,
// one at a time has this tracker. A program elsewhere that clears the bits of the same process goes unnoticed.
// On a kernel without soft-dirty bits `clear_refs` can be written all the same, and then no page ever reads as
// dirty: `Tracker::is_supported` sees the tracker work before it is used.
#pragma once

#include "linux/pagemap.h"
#include "memory/tracker.h"
#include "system/non_copyable.h"
#include "system/scoped_fd.h"

namespace pagestore {

// The right to clear soft-dirty bits; one at a time has it in this process.
class SoftDirtyClaim : NonCopyable {
 public:
  ~SoftDirtyClaim();
  // False while another has it.
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
  Status write_protect(const AddressRange& /*range*/) override { return Status::ok(); }

 private:
  SoftDirty() = default;

  Pagemap pagemap_;
  ScopedFd clear_refs_;
  SoftDirtyClaim claim_;
  AddressRange range_{};
};

}  // namespace pagestore

// Dirty pages by the soft-dirty bit: `/proc/self/clear_refs` clears it, `/proc/self/pagemap` shows it.
//
// Only on request: it misses what is written between reading the bits and clearing them, what is read after it was
// dropped (the zero page is there, and not dirty), and page tables that `mremap` moves whole.
//
// The kernel clears the bits of a whole process at once, so of all memories here of one process, one at a time has this
// tracker. A program elsewhere that clears the bits of the same process goes unnoticed.
// On a kernel without soft-dirty bits `clear_refs` can be written all the same, and then no page ever reads as
// dirty: `Tracker::is_supported` sees the tracker work before it is used.
#pragma once

#include <sys/types.h>

#include "linux/pagemap.h"
#include "memory/tracker.h"
#include "system/non_copyable.h"
#include "system/scoped_fd.h"

namespace pagestore {

// The right to clear the soft-dirty bits of a process; of each process one at a time has it here.
class SoftDirtyClaim : NonCopyable {
 public:
  ~SoftDirtyClaim();
  // Refused while another has it. Once.
  Status take(pid_t pid);

 private:
  pid_t pid_ = 0;
};

class SoftDirty final : public Tracker {
 public:
  static Status make(std::unique_ptr<Tracker>* tracker);
  TrackerKind kind() const override { return TrackerKind::soft_dirty; }
  // Another range than before is new as a whole.
  Status register_range(const AddressRange& range) override;
  Status scan(Protect protect, GrowingArray<AddressRange>* runs) override;
  Status write_protect(const AddressRange& /*range*/) override { return Status::ok(); }

 private:
  SoftDirty() = default;

  Pagemap pagemap_;
  ScopedFd clear_refs_;
  SoftDirtyClaim claim_;
  AddressRange range_{};
  uint64_t new_from_ = 0;  // what of the range lies from there on was never scanned
};

}  // namespace pagestore

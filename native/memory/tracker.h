// What finds the dirty pages of memory of this process: those that were written.
//
// A tracker is given a range, and each scan then finds the pages of it that may have been written. There are
// three kinds; which of them the kernel has is found out by trying each on two pages of our own:
//  - write-protect: a userfaultfd notes the first write to each protected page, PAGEMAP_SCAN reads the notes.
//    Pages are protected range by range, so those that are written all the time can stay unprotected.
//  - soft-dirty: a bit of each page table entry. The kernel clears it for a whole process at once, so one memory
//    at a time can have this tracker. Each scan clears it. It can miss writes: nobody gets it who did not ask for it.
//  - none: every page may be dirty. Right anywhere.
//
// It promises to miss no write, by the processor or by a system call, of whichever thread or process; soft-dirty has
// exceptions, which its header lists. Seen by none but `none`: writes to pages that a device or an io_uring had pinned
// before they were protected. It leaves
// to its caller: to delete it before the memory goes to somebody else, and to compare pages, for a dirty page may
// be equal to what it was.
#pragma once

#include <cstdint>
#include <memory>

#include "linux/pagemap.h"
#include "system/address_range.h"
#include "system/status.h"

namespace pagestore {

enum class TrackerKind : uint8_t { write_protect, soft_dirty, none };

class Tracker {
 public:
  virtual ~Tracker() = default;

  virtual TrackerKind kind() const = 0;

  // Tracks `range`, whole pages, from now on; a second call may only make the range longer at its end. Pages that
  // are new in it are not protected: each of them that exists counts as dirty.
  virtual Status register_range(const AddressRange& range) = 0;

  // Adds the dirty parts of the range to `runs`, in rising order. With Protect::dirty, and always by soft-dirty,
  // they are protected in the same moment: what is written after that is found by the next scan.
  virtual Status scan(Protect protect, GrowingArray<AddressRange>* runs) = 0;

  // Whole pages, which are not dirty any more. Does nothing where a tracker cannot do so for a part of its range.
  virtual Status write_protect(const AddressRange& range) = 0;

  // Whether this kernel gives us, with our privileges, a tracker of that kind. Tried once.
  static bool is_supported(TrackerKind kind);
  // Refused with the reason if it is not.
  static Status require(TrackerKind kind);

  static Status make(TrackerKind kind, std::unique_ptr<Tracker>* tracker);
};

}  // namespace pagestore

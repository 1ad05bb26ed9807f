// What finds the pages of this process's own memory that were written: the dirty ones.
//
// A tracker is armed over a range and then tells which pages were written since. There are three, and
// which of them the kernel has is found out by trying each on a page of our own:
//  - write-protect: userfaultfd in its asynchronous mode, read with PAGEMAP_SCAN. Pages are armed one
//    range at a time, so pages that are written all the time need not be armed again and again.
//  - soft-dirty: a bit in the page table, for the whole process at once, so only one memory at a time
//    can have it. It arms by itself at every look.
//  - none: every page may be dirty. Right anywhere.
//
// It promises to miss no write, through the processor or by a system call; soft-dirty, only if nobody
// writes while it looks. It leaves to its caller:
// to end it before the memory goes to somebody else, and to compare, for a dirty page may be equal.
// Not seen by anybody: writes by a device into pages pinned before they were armed.
#pragma once

#include <cstdint>
#include <memory>

#include "system/address_range.h"
#include "system/status.h"

namespace pagestore {

enum class TrackerKind : uint8_t { write_protect, soft_dirty, none };

class Tracker {
 public:
  virtual ~Tracker() = default;

  virtual TrackerKind kind() const = 0;

  // From now on over `range`, whole pages; a second time only to make it longer at its end. Nothing of
  // what is new is armed: every page there that exists counts as dirty.
  virtual Status register_range(const AddressRange& range) = 0;

  // Adds the dirty parts of what is watched to `runs`, in rising order. With `arm` (and by a tracker that
  // always does) they are armed before they are told, so that a write that comes in between is told the
  // next time.
  enum class Protect : uint8_t { nothing, dirty };
  virtual Status scan(Protect protect, GrowingArray<AddressRange>* runs) = 0;

  // Whole pages are not dirty any more. Where a tracker cannot say so of a part, nothing happens.
  virtual Status write_protect(const AddressRange& range) = 0;

  // Whether this kernel, and these privileges, give a tracker of that kind. Found out once.
  static bool is_supported(TrackerKind kind);

  // Null with a status where it cannot be had.
  static Status make(TrackerKind kind, std::unique_ptr<Tracker>* tracker);
};

}  // namespace pagestore

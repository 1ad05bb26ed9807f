// Which pages of a process exist, and which were written: `/proc/PID/pagemap`.
//
// By PAGEMAP_SCAN where the kernel has it (Linux 6.7), else entry by entry.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "system/address_range.h"
#include "system/scoped_fd.h"
#include "system/status.h"

namespace pagestore {

class Pagemap {
 public:
  // Of process `pid`; 0 for our own.
  static Status open(pid_t pid, Pagemap* pagemap);

  // Each adds the parts of `range` of which it is true to `runs`, in rising order.
  // There is something in memory or in swap; the rest of private memory reads as zero.
  Status present(const AddressRange& range, GrowingArray<AddressRange>* runs) const;
  // Written since a userfaultfd armed it. With `arms`, armed again at the same moment. Refused where no
  // userfaultfd is in its asynchronous mode.
  Status written(const AddressRange& range, bool protects, GrowingArray<AddressRange>* runs) const;
  // The same, wherever a userfaultfd watches; elsewhere whatever is there counts as written.
  Status written_if_registered(const AddressRange& range, bool protects, GrowingArray<AddressRange>* runs) const;
  // No userfaultfd watches it.
  Status unregistered(const AddressRange& range, GrowingArray<AddressRange>* runs) const;
  // The soft-dirty bit is set, or there is nothing: a page that is dropped loses its bit.
  Status soft_dirty(const AddressRange& range, GrowingArray<AddressRange>* runs) const;

 private:
  struct Wanted;
  Status scan(const AddressRange& range, const Wanted& wanted, GrowingArray<AddressRange>* runs) const;
  template <typename Is>
  Status read_entries(const AddressRange& range, Is is, GrowingArray<AddressRange>* runs) const;

  Status refused(const char* what, int error_number) const;

  pid_t pid_ = 0;
  ScopedFd file_;
};

}  // namespace pagestore

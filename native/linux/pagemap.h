// Which pages of a process exist, and which were written: `/proc/PID/pagemap`.
//
// By PAGEMAP_SCAN where the kernel has it (Linux 6.7), else entry by entry. Ranges are whole pages. What is found
// is added to a list of runs in rising order; a run that touches the last one of the list makes that longer.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "system/address_range.h"
#include "system/scoped_fd.h"
#include "system/status.h"

namespace pagestore {

// Whether a scan write-protects the dirty pages that it finds, in the same moment.
enum class Protect : uint8_t { nothing, dirty };

class Pagemap {
 public:
  static Status open_own(Pagemap* pagemap);
  static Status open(pid_t pid, Pagemap* pagemap);

  // Pages that are in memory or in swap, but for guards where the kernel shows them; the rest of private memory reads
  // as zero.
  Status present(const AddressRange& range, GrowingArray<AddressRange>* runs) const;
  // Pages written since they were write-protected. Refused unless a userfaultfd has registered all of the range.
  Status written(const AddressRange& range, Protect protect, GrowingArray<AddressRange>* runs) const;
  // The same, of a range that need not be registered: elsewhere every page that exists counts as written. Apart: pages
  // that do not exist, and would not count if they were write-protected.
  Status written_if_registered(const AddressRange& range, GrowingArray<AddressRange>* runs,
                               GrowingArray<AddressRange>* absent) const;
  // Write-protects pages that exist; they are added to `runs`, too. Nothing is known of others then.
  Status protect_existing(const AddressRange& range, GrowingArray<AddressRange>* runs) const;
  // Pages that fault when they are touched, by MADV_GUARD_INSTALL. EINVAL where the kernel does not show them: before
  // Linux 6.16; ENOTTY before 6.7.
  Status guards(const AddressRange& range, GrowingArray<AddressRange>* runs) const;
  // Pages that no userfaultfd has registered to note writes as ours do, and those that one has.
  Status unregistered(const AddressRange& range, GrowingArray<AddressRange>* runs) const;
  Status registered(const AddressRange& range, GrowingArray<AddressRange>* runs) const;
  // Pages that a userfaultfd write-protects, whoever has it.
  Status write_protected(const AddressRange& range, GrowingArray<AddressRange>* runs) const;
  // Pages whose soft-dirty bit is set, and pages that do not exist: the kernel drops the bit with the page.
  Status soft_dirty(const AddressRange& range, GrowingArray<AddressRange>* runs) const;

 private:
  struct Categories;
  Status scan(const AddressRange& range, const Categories& wanted, GrowingArray<AddressRange>* runs,
              GrowingArray<AddressRange>* absent = nullptr) const;
  template <typename Is>
  Status read_entries(const AddressRange& range, Is is, GrowingArray<AddressRange>* runs) const;
  Status refused(const char* what, int error_number) const;

  std::optional<pid_t> pid_;  // none for our own process
  ScopedFd file_;
};

}  // namespace pagestore

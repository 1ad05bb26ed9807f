// Which files are memory that only looks like a file, so that nobody finds on a disk what is written to it.
//
// Told by the device that a file is on, never by its name: a tmpfs or ramfs, wherever a process sees it mounted; and
// what the kernel makes without a mount, as memfds, shared memory of System V, shared memory without a name, huge
// pages. A file of a mounted hugetlbfs is none: it takes as much memory as it is told to, and is not ours to fill.
#pragma once

#include <sys/types.h>

#include "system/growing_array.h"
#include "system/region.h"
#include "system/status.h"

namespace pagestore {

class MemoryFiles {
 public:
  // As process `pid` sees them, and as far as the mappings `regions` take them.
  static Status find(pid_t pid, const RegionList& regions, MemoryFiles* files);

  // On a device by its numbers as a Region has them.
  Status add(uint64_t device);
  // Whether what is mapped is such a file, and no device.
  bool contains(const Region& region) const;

 private:
  Status add_kernels_own();
  Status add_mounted(pid_t pid);

  GrowingArray<uint64_t> devices_;
};

}  // namespace pagestore

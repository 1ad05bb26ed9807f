// The file behind a mapping of another process, opened to be read.
//
// The kernel leads to it from the mapping itself (/proc/PID/map_files) where we have the privilege; else it is found by
// its path, or among the descriptors of the process. Files that have no name any more, or never had one, are found,
// too. Nothing is changed, and an open file is kept for the next mapping of the same file.
#pragma once

#include <sys/types.h>

#include "system/region.h"
#include "system/scoped_fd.h"

namespace pagestore {

class MappingFile {
 public:
  explicit MappingFile(pid_t pid) : pid_(pid) {}

  // `mapping` is one that the kernel lists, as it lists it. −1 where the file cannot be had.
  int find(const Region& mapping);
  // Whether what was found last is memory that only looks like a file, so that reading a page of it through a process
  // would make it exist.
  bool is_memory() const { return is_memory_; }

 private:
  ScopedFd open_mapped(const Region& mapping);
  ScopedFd open_path(const Region& mapping) const;
  ScopedFd open_descriptor(const Region& mapping) const;

  pid_t pid_;
  ScopedFd file_;
  FileIdentity identity_;
  bool is_memory_ = false;
};

}  // namespace pagestore

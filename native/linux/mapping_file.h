// The file behind a mapping of another process, opened to be read.
//
// The kernel leads to it from the mapping itself (/proc/PID/map_files) where we have the privilege; else it is found by
// its path, or among the descriptors of the process. Files that have no name any more, or never had one, are found,
// too; the descriptors are those of the first time that they are needed. Nothing is changed: a device, which may do
// something when it is opened, is not. An open file is kept for the next mapping of the same file.
#pragma once

#include <sys/types.h>

#include "linux/mapped_identities.h"
#include "system/growing_array.h"
#include "system/region.h"
#include "system/scoped_fd.h"

namespace pagestore {

class MappingFile {
 public:
  enum class Kind : uint8_t {
    unknown,  // it cannot be had
    regular,
    memory,  // it only looks like a file: reading a page of it through a process would make the page exist
    zeroes,  // /dev/zero
    device,
  };

  // `identities` lives as long as this.
  MappingFile(pid_t pid, MappedIdentities& identities) : pid_(pid), identities_(identities) {}

  // `mapping` is one that the kernel lists, as it lists it. −1 where the file cannot be had, or is a device.
  int find(const Region& mapping);
  // Of what was looked for last.
  Kind kind() const { return kind_; }

 private:
  void open_mapped(const Region& mapping);
  void open_path(const Region& mapping);
  void open_descriptor(const Region& mapping);
  void list_descriptors();
  void open_if_it_is(const char* path, const FileIdentity& mapped);
  void open_found(const ScopedFd& found);

  struct Descriptor {
    FileIdentity mapped;
    int32_t number;
  };

  pid_t pid_;
  MappedIdentities& identities_;
  GrowingArray<Descriptor> descriptors_;
  bool has_descriptors_ = false;
  ScopedFd file_;
  FileIdentity identity_;  // of what was looked for last, found or not
  Kind kind_ = Kind::unknown;
};

}  // namespace pagestore

// The files that a tracee has mapped privately, and whether it changes one of them.
//
// A page of such a mapping shows the file until the program writes to it; from then on it is a copy, and shows the file
// no more. A restore puts back what is in the page, but makes no copy the file's page again. Nobody sees that as long
// as the file is what it was, as those of libraries are. So it is to be said as soon as the program changes a file that
// it had mapped so when the step began, or when it has the same part of one mapped shared, where stores are not seen.
//
// It leaves to its caller: to call `read` with the mappings at each capture and restore, and to tell of changes before.
#pragma once

#include <string_view>

#include "system/region.h"

namespace pagestore {

class PrivateFiles {
 public:
  // All of a canonical list; `reading` is another number for another list.
  Status read(std::span<const std::byte> regions, uint64_t reading);

  // The file is another than it was, or may be. `device` as stat(2) has it.
  void on_change(uint64_t device, uint64_t inode, std::string_view path);

  // A file that was changed, or can be by a shared mapping, while it was mapped privately; empty if there is none.
  std::string_view changed() const { return changed_; }

 private:
  void find_shared(std::span<const std::byte> regions);
  void set_changed(std::string_view path);

  uint64_t reading_ = 0;
  RegionList mapped_;
  char changed_[200] = "";
};

}  // namespace pagestore

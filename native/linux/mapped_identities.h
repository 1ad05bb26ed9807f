// How mappings name files (mapped_file.h), remembered: asking takes a mapping of ours and a look at all mappings of
// this process, some 0.3 ms.
//
// Where one file of a file system without layers is named as stat(2) names it, all of them are. Elsewhere each file is
// asked about, and the last ones are remembered.
#pragma once

#include <optional>

#include "linux/file_facts.h"
#include "system/region.h"

namespace pagestore {

class MappedIdentities {
 public:
  // Without asking; none where it is not known.
  std::optional<FileIdentity> find(const WhichFile& file) const;
  // `path` leads to the file. None where it may not be mapped by us.
  std::optional<FileIdentity> ask(const WhichFile& file, const char* path);

 private:
  static constexpr size_t kMost = 16;

  struct Known {
    WhichFile file;
    FileIdentity mapped;
  };
  uint64_t usual_[kMost] = {};  // devices of which all files have their usual identity
  Known known_[kMost] = {};
  size_t next_usual_ = 0, next_known_ = 0;
};

}  // namespace pagestore

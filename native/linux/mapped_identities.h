// How mappings name files (mapped_file.h), remembered: asking takes a mapping of ours and a look at all mappings of
// this process, some 0.3 ms.
//
// Where one file of a file system without layers is named as stat(2) names it, all of them are. Elsewhere each file is
// asked about, and the last ones are remembered.
#pragma once

#include <optional>

#include "linux/file_facts.h"
#include "system/growing_array.h"
#include "system/region.h"

namespace pagestore {

class MappedIdentities {
 public:
  // Without asking; none where it is not known.
  std::optional<FileIdentity> find(const WhichFile& file) const;
  // `path` leads to the file. None where it may not be mapped by us.
  std::optional<FileIdentity> ask(const WhichFile& file, const char* path);

 private:
  static constexpr size_t kMostUsual = 16, kMostKnown = 256;

  struct Known {
    WhichFile file;
    FileIdentity mapped;
  };
  uint64_t usual_[kMostUsual] = {};  // devices of which all files have their usual identity
  GrowingArray<Known> known_;
  size_t next_usual_ = 0, next_known_ = 0;  // the one that is replaced next
};

}  // namespace pagestore

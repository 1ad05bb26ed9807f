// The files that a tracee has mapped privately, and whether it changes one of them.
//
// A page of such a mapping shows the file until the program writes to it; from then on it is a copy, and shows the file
// no more. A restore puts back what is in the page, but makes no copy the file's page again. Nobody sees that as long
// as the file is what it was, as those of libraries are. So it is to be said as soon as the program changes a file that
// it had mapped so when the step began, or when it has the same part of one mapped shared, where stores are not seen.
//
// Once one was changed, nothing more is looked at. It leaves to its caller: to call `read` with the mappings at each
// capture and restore, and to tell of changes before.
#pragma once

#include <string_view>

#include "linux/mapped_identities.h"
#include "memory/tracee/known_files.h"
#include "ptrace/file_changes.h"
#include "system/region.h"

namespace pagestore {

class PrivateFiles : public MappedFiles {
 public:
  // All of a canonical list; `reading` is another number for another list.
  Status read(std::span<const std::byte> regions, uint64_t reading);

  // A known file is another than it was, or may be.
  void on_change(const KnownFiles& files, const KnownFile& file, const KnownFiles::Where& where);
  bool may_have(const WhichFile& file, std::string_view path, const char* link) override;
  // A file that was changed, or can be by a shared mapping, while it was mapped privately; empty if there is none.
  std::string_view changed() const { return changed_; }

 private:
  struct Part {
    FileIdentity file;
    uint64_t start, end;  // in the file
    size_t path, path_length;
  };
  Status add(const Region& region, GrowingArray<Part>* parts);
  std::string_view path(const Part& part) const { return {paths_.data() + part.path, part.path_length}; }
  // Whether a file is mapped privately, by what is known of it; none where it has to be asked.
  std::optional<bool> find(const WhichFile& file) const;
  // `link` leads to the file, or null. Where nobody can say which file it is, its path does.
  bool ask(const WhichFile& file, std::string_view path, const char* link);
  void set_changed(std::string_view path);
  void find_shared(std::span<const Part> shared);
  bool has(const FileIdentity& file) const;

  uint64_t reading_ = 0;
  GrowingArray<Part> mapped_;  // by file and start, rising
  GrowingArray<char> paths_;
  MappedIdentities identities_;
  char changed_[200] = "";
};

}  // namespace pagestore

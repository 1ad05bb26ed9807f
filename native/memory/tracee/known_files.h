// The regular files that a tracee changes or may change, whether it has them open now or not: what each was like when
// it became known, and what it was like when it was seen last.
//
// Nothing is kept open so that a file stays known (file_facts.h says by what it is): it is found again by a descriptor
// of the tracee, by a duplicate that a snapshot needs, or by its path, as long as that leads to it. If the tracee
// removes a file that nobody has open, and makes it anew, the new one takes its place, whatever else has the number of
// its inode by then.
//
// What is in it is kept from `base` on (file_contents.h): what lies before is known not to have changed, or else counts
// as changed inside, by the number of the event that says so.
#pragma once

#include <string_view>

#include "linux/file_facts.h"
#include "linux/file_index.h"
#include "linux/open_files.h"
#include "memory/tracee/file_duplicates.h"
#include "memory/tracee/file_pages.h"
#include "memory/tracee/file_ranges.h"
#include "ptrace/file_changes.h"
#include "system/scoped_fd.h"
#include "system/virtual_page.h"

namespace pagestore {

struct KnownFile {
  WhichFile identity;  // without an inode once that is another file's
  uint64_t base = 0;
  uint64_t first_length = 0;  // when it became known
  uint64_t length = 0;        // when it was seen last
  FileRanges dirty = {};      // what may be other than it was then; not before `base`
  uint64_t inside = 0;        // the last event that changed what is not kept; 0 if none did
  uint64_t slot = 0;          // where it has its pages (file_contents.h)
  size_t path = 0, path_length = 0;
  FileRanges touched = {};      // while it is looked at: what events tell of
  bool is_written = false;      // whether they tell of more than that it was opened
  int32_t descriptor = -1;      // and one by which it is written, if any
  bool is_open = false;         // for writing, when it was seen last
  bool is_named = true;         // it had a name when it became known
  bool has_first = true;        // older snapshots may have it as it was when it became known
  bool is_unreachable = false;  // the tracee does not have it open, and its path does not lead to it
  bool is_replaced = false;     // for good: it has no name, or that is another file's; unreachable, too
  bool is_kept = true;          // else it could not be read, or has too much
  bool is_as_first = true;      // as it was when it became known
  bool is_made = false;         // by the tracee, since the first snapshot
  uint32_t owner = 0;           // of one that was

  // All that is kept of it is to be looked at.
  void mark_dirty() { dirty.add(base, FileRanges::kEnd); }
};

// Where in a tree it has its pages, from a byte of it on.
inline FilePart part_of(const KnownFile& file, uint64_t start) {
  return {file.slot << kFilePageBits, start};
}

class KnownFiles {
 public:
  // A file that is left alone.
  [[nodiscard]] bool exclude(uint64_t device, uint64_t inode) { return excluded_.append({device, inode}); }
  bool is_excluded(uint64_t device, uint64_t inode) const;

  std::span<KnownFile> all() { return {files_.data(), files_.size()}; }
  std::span<const KnownFile> all() const { return {files_.data(), files_.size()}; }
  KnownFile* find(uint64_t device, uint64_t inode);  // by its inode; null if it is not known, or gone
  // The one that was at that path, and can be reached neither by it nor otherwise; null if there is none.
  KnownFile* find_replaced(std::string_view path, const FileDuplicates& duplicates);
  // The slot is chosen here: for a file with a name by its path, else by `number`, a descriptor that is on it; so that
  // a file that is made again, here or in another run of the program, has the same.
  Status add(const KnownFile& file, std::string_view path, int32_t number);
  // Takes back what was added last.
  void drop_last() { files_.erase(files_.size() - 1, 1); }
  // It was removed, and made anew as a file that is empty at first, as that event says.
  Status begin_anew(KnownFile& file, const FileFacts& made, uint64_t event);
  Status set_path(KnownFile& file, std::string_view path);
  std::string_view path(const KnownFile& file) const { return {paths_.data() + file.path, file.path_length}; }

  // Fills in `touched` and `is_written`, as events after that one say.
  void note_events(const FileChanges& changes, uint64_t event);
  // Fills in `descriptor`, as the list has it.
  void find_descriptors(const OpenFiles& open);

  size_t count_open() const;

  // Opens it once more; not open where it is not found, or may not be opened so. For writing alone it may be a
  // duplicate, which has its offset and flags with the tracee.
  struct Where {
    pid_t task;
    const OpenFiles& now;
    const FileDuplicates& duplicates;
  };
  ScopedFd open(const KnownFile& file, const Where& where, int flags) const;
  // The same as far as the tracee could: without duplicates.
  ScopedFd find(const KnownFile& file, const Where& where, int flags) const;
  // The same without opening it, which may be forbidden. No inode where it is not found; fails where that is not known.
  static Status find_facts(const KnownFile& file, std::string_view path, const Where& where, FileFacts* facts);

 private:
  struct Excluded {
    uint64_t device, inode;
  };
  bool has_slot(uint64_t slot) const;

  GrowingArray<KnownFile> files_;
  FileIndex index_;
  GrowingArray<Excluded> excluded_;
  GrowingArray<char> paths_;
};

// Whether a descriptor of a list is the first on a file that is open for writing.
bool is_written(const OpenFile& open);
// Whether the path of an open file is one that leads to it.
bool has_lasting_path(std::string_view path);

}  // namespace pagestore

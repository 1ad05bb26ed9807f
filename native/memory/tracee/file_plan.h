// What has to be done so that the descriptors of a tracee are what they were. Nothing here touches a process:
// file_undo.h carries a plan out.
//
// Each open file of the snapshot is found among those that are open now, else in a duplicate of ours. One that is
// neither there nor held, or that has changed in a way that nobody can undo, is refused before anything was done.
#pragma once

#include "linux/open_files.h"

namespace pagestore {

// Where an open file of the snapshot comes from.
struct FileSource {
  const OpenFile* wanted;  // the leader in the snapshot's list
  const OpenFile* now;     // the leader in the present list; null where the process has it no more
  int duplicate;           // of ours, to put back what the process has no more, and to set its offset; −1 without one
};

class FilePlan {
 public:
  // Both lists outlive the plan.
  FilePlan(const OpenFiles& now, const OpenFiles& wanted) : now_(now), wanted_(wanted) {}

  // Pairs the files. Leaves to its caller to fill in `duplicate` of each source, and then to `check`.
  Status match();
  Status check() const;

  std::span<FileSource> sources() { return {sources_.data(), sources_.size()}; }
  std::span<const FileSource> sources() const { return {sources_.data(), sources_.size()}; }
  const OpenFiles& now() const { return now_; }
  const OpenFiles& wanted() const { return wanted_; }

  const FileSource& source_of(const OpenFile& wanted) const;
  // Whether that descriptor refers to the right open file already.
  bool is_right(const OpenFile& wanted) const;
  // A descriptor of the present list that the source's file has and keeps; null if each goes to another file.
  const OpenFile* stable_descriptor(const FileSource& source) const;
  int32_t highest_number() const;

 private:
  const OpenFile* find_match(const OpenFile& wanted) const;
  bool is_taken(const OpenFile& now) const;

  const OpenFiles& now_;
  const OpenFiles& wanted_;
  GrowingArray<FileSource> sources_;
};

}  // namespace pagestore

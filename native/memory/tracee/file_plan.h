// What has to be done so that the descriptors of a tracee are what they were. Nothing here touches a process:
// file_undo.h carries a plan out.
//
// Each open file of the snapshot is found among those that are open now, else in a duplicate of ours. One that is
// neither there nor held, or that has changed in a way that nobody can undo, is refused before anything was done.
#pragma once

#include "memory/tracee/file_duplicates.h"

namespace pagestore {

// Where an open file of the snapshot comes from.
struct FileSource {
  const OpenFile* wanted;  // the leader in the snapshot's list
  const OpenFile* now;     // the leader in the present list; null where the process has it no more
  int duplicate;           // of ours, to put back what the process has no more, and to set its offset; −1 without one
  // A descriptor of the present list that the file has and keeps; null if each goes to another file.
  const OpenFile* stable;
  uint32_t wanted_index;  // among those of which a duplicate is wanted (file_duplicates.h)
};

class FilePlan {
 public:
  // Both lists outlive the plan.
  FilePlan(const OpenFiles& now, const OpenFiles& wanted) : now_(now), wanted_(wanted) {}

  // Pairs the files, by the duplicates that the snapshot needs. Leaves to its caller to fill in `duplicate` of each
  // source, and then to `check`.
  Status match(FileDuplicates& duplicates, const PageTree& needed);
  Status check() const;

  std::span<FileSource> sources() { return {sources_.data(), sources_.size()}; }
  std::span<const FileSource> sources() const { return {sources_.data(), sources_.size()}; }
  const OpenFiles& now() const { return now_; }
  const OpenFiles& wanted() const { return wanted_; }

  const FileSource& source_of(const OpenFile& wanted) const;
  // Whether that descriptor refers to the right open file already.
  bool is_right(const OpenFile& wanted) const;
  // The source that is on the open file of a descriptor of the present list; null if none is.
  const FileSource* user_of(const OpenFile& now) const;
  int32_t highest_number() const;

 private:
  static constexpr uint32_t kNobody = UINT32_MAX;
  // A source, and a file of the present list that has some of its numbers.
  struct Candidate {
    uint32_t source, now, numbers;
  };
  Status pair_same(FileDuplicates& duplicates, const PageTree& needed);
  Status find_candidates(GrowingArray<Candidate>* candidates) const;
  void pair(uint32_t source, uint32_t now);
  void pair_rest();
  bool loses_lock(const OpenFile& wanted) const;
  uint32_t index_of(const OpenFile& now) const { return static_cast<uint32_t>(&now - now_.all().data()); }

  const OpenFiles& now_;
  const OpenFiles& wanted_;
  GrowingArray<FileSource> sources_;  // by the numbers of their leaders, rising
  GrowingArray<uint32_t> users_;      // for each leader of the present list, a source or nobody
};

}  // namespace pagestore

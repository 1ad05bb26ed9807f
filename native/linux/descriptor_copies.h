// Copies of a process's descriptors in ours, for a moment, where the kernel neither compares open files for us (kcmp)
// nor gives us duplicates (pidfd_getfd), as in a container: then the process itself has to pass them.
//
// Which of them are one open file is asked by the copies (same_file.h), so that nobody who shares a file with the
// process notices. It leaves to its caller: that the process is stopped.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "linux/same_file.h"
#include "system/growing_array.h"
#include "system/non_copyable.h"
#include "system/status.h"

namespace pagestore {

class DescriptorCopies : NonCopyable {
 public:
  ~DescriptorCopies();

  // In rising order of numbers, before any of ours. Takes over `copy`, which is of the process's descriptor `number`.
  Status add(int32_t number, int copy);
  // A descriptor of ours that stays so, to be compared with those of the process.
  Status add_ours(int descriptor);
  // After all were added.
  Status find_files();

  bool has(int32_t number) const { return find(number) != nullptr; }
  Sameness compare(int32_t a, int32_t b) const;
  Sameness compare_with_ours(int32_t number, int descriptor) const;
  // As an order; 0 also where one of them has no copy.
  int order(int32_t a, int32_t b) const;
  // The caller has it from now on; −1 where there is none.
  int take(int32_t number);

 private:
  struct Entry {
    int32_t number;  // in the process; −1 for one of ours
    int descriptor;
    uint32_t file;    // the same number for each descriptor of an open file
    bool is_certain;  // else it is taken for it, as nothing says otherwise
  };
  const Entry* find(int32_t number) const;

  GrowingArray<Entry> entries_;  // those of the process first
  size_t copies_ = 0;
};

}  // namespace pagestore

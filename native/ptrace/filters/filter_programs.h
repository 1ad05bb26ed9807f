// The programs of several seccomp filters that a thread has, or a process, and what they all let by.
//
// A value: nothing here asks the kernel. A call is made only if each of them lets it by.
#pragma once

#include <linux/filter.h>

#include <span>

#include "ptrace/system_call.h"
#include "system/growing_array.h"
#include "system/status.h"

namespace pagestore {

// What becomes of a call that must not end the process: by `lives` it may be refused.
enum class CallNeed : uint8_t { lives, is_made };

class FilterPrograms {
 public:
  // One that is there already is not added again.
  Status add(std::span<const sock_filter> program);
  Status add_all(const FilterPrograms& other);
  void clear();
  bool empty() const { return ends_.empty(); }

  // Not where one of them has no answer (filter_program.h).
  bool allow(const SystemCall& call, CallNeed need) const;

 private:
  std::span<const sock_filter> program(size_t i) const;

  GrowingArray<sock_filter> steps_;  // of all programs
  GrowingArray<size_t> ends_;        // of each of them
};

}  // namespace pagestore

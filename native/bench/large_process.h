// Another process with much memory, for the benchmarks to capture. It is this executable, started anew, so that it has
// no other memory; when it is asked to, it writes to pages, or times its own fork().
#pragma once

#include <sys/types.h>

#include <cstddef>

#include "system/address_range.h"
#include "system/non_copyable.h"

namespace pagestore::bench {

class LargeProcess : NonCopyable {
 public:
  // One with `pages` pages, no two alike.
  explicit LargeProcess(size_t pages);
  ~LargeProcess();

  pid_t pid() const { return pid_; }
  AddressRange memory() const { return memory_; }

  // Writes to that many pages at random places.
  void dirty(size_t pages);

  // Nanoseconds that a fork() of it takes, until the child has ended.
  double fork_time();

 private:
  double ask(size_t pages);

  pid_t pid_ = 0;
  int to_ = -1, from_ = -1;
  AddressRange memory_{};
};

// What the executable does instead of benchmarks when LargeProcess has started it with this option.
inline constexpr char kLargeProcess[] = "--large-process=";
int be_large_process(size_t pages);

}  // namespace pagestore::bench

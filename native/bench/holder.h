// Another process with much memory, for the benchmarks to capture. It is this executable, started anew, so that
// it holds nothing else; it writes to pages, and times its own fork(), when it is told to.
#pragma once

#include <sys/types.h>

#include <cstddef>

#include "system/address_range.h"

namespace pagestore::bench {

class Holder {
 public:
  // Holds `pages` pages, no two alike.
  explicit Holder(size_t pages);
  Holder(const Holder&) = delete;
  ~Holder();

  pid_t pid() const { return pid_; }
  AddressRange memory() const { return memory_; }

  // Writes to that many pages at random places.
  void dirty(size_t pages);

  // Nanoseconds for a fork() of it, until the child has ended.
  double fork_time();

 private:
  double ask(size_t pages);

  pid_t pid_ = 0;
  int to_ = -1, from_ = -1;
  AddressRange memory_{};
};

// What the executable does instead of benchmarks when it was started by a Holder.
int hold(size_t pages);

}  // namespace pagestore::bench

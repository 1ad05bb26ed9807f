// Pages of another process, many at a time: in one system call, however scattered they are.
//
// A page that its process could not read or write itself is reached as a debugger does it, through
// /proc/PID/mem. A page that cannot be reached at all (past the end of a file) is left out and reported.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "system/status.h"
#include "system/virtual_page.h"

namespace pagestore {

class RemotePages {
 public:
  static constexpr size_t kMost = 256;

  // `memory` is /proc/PID/mem, open for reading and writing while this object lives.
  RemotePages(pid_t pid, int memory) : pid_(pid), memory_(memory) {}

  // Virtual page `numbers[i]` is read to `pages[i]`, or `reached[i]` is false. Leaves to its caller: at most kMost.
  Status read(std::span<const VirtualPage> numbers, std::byte* const* pages, bool* reached) const;
  Status write(std::span<const VirtualPage> numbers, const std::byte* const* pages, bool* reached) const;

 private:
  struct Batch {
    const char* call;  // the one that takes many at a time
    std::span<const VirtualPage> numbers;
    std::byte* const* pages;
    bool* reached;
  };
  template <typename Many, typename One>
  Status transfer(const Batch& batch, Many many, One one) const;

  pid_t pid_;
  int memory_;
};

}  // namespace pagestore

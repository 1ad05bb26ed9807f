// Pages of another process, many at a time: in one system call, scattered as they may be.
//
// A page that its process could not read or write itself is reached as a debugger does, through
// /proc/PID/mem. What cannot be reached at all (behind the end of a file) is left out and told.
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

  // `memory` is /proc/PID/mem, open for both, for as long as this lives.
  RemotePages(pid_t pid, int memory) : pid_(pid), memory_(memory) {}

  // Page `places[i]` is read to `pages[i]`, or `reached[i]` is false. At most kMost.
  Status read(std::span<const VirtualPage> places, std::byte* const* pages, bool* reached) const;
  Status write(std::span<const VirtualPage> places, const std::byte* const* pages, bool* reached) const;

 private:
  template <typename Many, typename One>
  Status transfer(std::span<const VirtualPage> places, std::byte* const* pages, bool* reached, const char* what,
                  Many many, One one) const;

  pid_t pid_;
  int memory_;
};

}  // namespace pagestore

// One way to write shared memory that its mapping does not let the tracee write (closed_memory.h has the list).
//
// It leaves to its caller: to close what it has opened, whatever happens meanwhile, and that the process is stopped.
#pragma once

#include "memory/tracee/file_duplicates.h"
#include "system/region.h"

namespace pagestore {

class ClosedMemoryAccess : NonCopyable {
 public:
  // `region`, or a part of one, is mapped as it says; its path lies in a list that outlives this.
  ClosedMemoryAccess(TracedProcess& process, const FileDuplicates& duplicates, const Region& region)
      : process_(process), duplicates_(duplicates), region_(region) {}
  ~ClosedMemoryAccess() { PS_ASSERT(!is_open()); }

  // A failure is Error::mapping: there is no way, and nothing has changed.
  Status open();
  Status close();
  bool is_open() const { return how_ != How::none; }

  // Virtual page `numbers[i]`, of the region, becomes `pages[i]`, or `reached[i]` is false: at most RemotePages::kMost.
  Status write(std::span<const VirtualPage> numbers, const std::byte* const* pages, bool* reached) const;

 private:
  enum class How : uint8_t { none, unprotected, file, attached };

  Status call(const SystemCall& call, int64_t* result) const;
  Status protect(uint64_t further, int64_t* result) const;
  ScopedFd find_file() const;
  ScopedFd open_if_it(const char* path) const;
  bool write_to_file(uint64_t offset, const std::byte* page) const;

  TracedProcess& process_;
  const FileDuplicates& duplicates_;
  const Region region_;
  How how_ = How::none;
  ScopedFd file_;
  uint64_t attached_ = 0;  // where byte 0 of the memory is
};

}  // namespace pagestore

// The mappings of a tracee as they are now: its regions as the canonical list (mappings.h), and its program break.
//
// To read them costs some 30 µs, and more where the program has mappings that grow down beside its first stack; so they
// are read only when they may have changed: after a system call that changes mappings, or when the size of the address
// space has changed, as by a stack that grows without a call; and always where the program serves memory itself, as
// pages of that come by any call. It leaves to its caller: to open it anew for each program that the process becomes,
// and that the process is stopped.
#pragma once

#include <optional>

#include "linux/pagemap.h"
#include "linux/program_layout.h"
#include "ptrace/traced_process.h"
#include "system/address_range.h"
#include "system/region.h"
#include "system/scoped_fd.h"

namespace pagestore {

class CurrentMappings {
 public:
  explicit CurrentMappings(TracedProcess& process) : process_(process) {}

  Status open();

  // Reads the size of the address space. True if it is another than at the last call, or cannot be read.
  bool read_size();
  Status read();

  // As of the last `read`.
  const RegionList& regions() const { return regions_; }
  const RegionList& listed() const { return listed_; }  // as the kernel lists them
  uint64_t program_break() const { return program_break_; }
  uint64_t first_stack() const { return layout_.stack_start; }
  // As find_scratch (scratch.h) says it.
  std::optional<RemoteAddress> scratch() const { return scratch_; }
  // What is closed (closed_memory.h).
  const RangeSet& closed() const { return closed_; }
  // Another number after each `read`.
  uint64_t readings() const { return readings_; }

 private:
  Status read_listed(RegionList* listed);
  Status read_break(const RegionList& listed);
  Status find_guards(RegionList* regions);
  Status find_missing(RegionList* regions) const;

  TracedProcess& process_;
  Pagemap pagemap_;
  bool knows_guards_ = false;
  ScopedFd statm_;
  uint64_t mapped_pages_ = 0;
  RegionList regions_, listed_;
  uint64_t program_break_ = 0;
  ProgramLayout layout_;
  std::optional<RemoteAddress> scratch_;
  RangeSet closed_;
  uint64_t readings_ = 0;
};

}  // namespace pagestore

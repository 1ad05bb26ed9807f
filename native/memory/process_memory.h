// The memory of a process that is only observed: captured, and never written to.
//
// A capture goes over the selected regions. Pages that exist are read in bulk, straight into blanks of the store; a
// page that is what it was last time, or that is stored already, gives its blank back at once. So a new page is copied
// once, and any other leaves nothing behind. A page that does not exist any more becomes zero. With soft-dirty tracking
// only pages are read that were written since the last capture, or that it did not take.
//
// A snapshot is of one moment if the process is stopped meanwhile; else each page is from some moment of the call. A
// capture fails if the process ends, becomes another program or unmaps what is being read. It leaves to its caller what
// every memory does, and to call `resume` after each `stop`.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <memory>
#include <optional>

#include "linux/mapped_identities.h"
#include "linux/pagemap.h"
#include "linux/process_regions.h"
#include "memory/memory.h"
#include "memory/soft_dirty.h"
#include "ptrace/stopped_process.h"

namespace pagestore {

class ProcessMemory final : public Memory {
 public:
  // `wanted`: which tracker to insist on; with none every capture compares everything, which alone is exact.
  // `is_stopped`: whether captures will come between `stop` and `resume`.
  static Status open(SharedStore* store, pid_t pid, std::optional<TrackerKind> wanted, bool is_stopped,
                     std::unique_ptr<ProcessMemory>* memory);

  // Between the two the process is stopped, unless it is our own.
  Status stop() {
    if (Status status = check_life(); !status.is_ok()) return status;
    return is_our_own() ? Status::ok() : stopped_.stop(pid_);
  }
  void resume() { stopped_.resume(); }

  // All regions, read anew by each call. `listed` are those of the last call.
  Status regions(const RegionList** regions) override;
  const RegionList& listed() const { return regions_; }

  // Whether a capture takes this one of the regions listed last, if none are selected. Of our own process the store's
  // windows are left out: they would show what is being stored.
  bool is_captured(const Region& region) const;

  // The next captures take these regions, in rising order.
  void select(RegionList regions);

  Status capture(Snapshot* snapshot) override;
  Status read(uint64_t address, std::span<std::byte> bytes) const override;
  TrackerKind tracker() const override { return tracker_; }
  pid_t pid() const { return pid_; }

 private:
  ProcessMemory(SharedStore* store, pid_t pid) : Memory(Kind::process, store), pid_(pid), tracker_(TrackerKind::none) {}
  bool is_our_own() const { return pid_ == getpid(); }
  class Capture;
  // Refused once the process has ended: the kernel may give its number to another one.
  Status check_life() const;
  Status read_regions(RegionList* regions) const;
  Status select_captured();
  Status clear_dirty() const;
  bool is_mapped(uint64_t address) const;

  pid_t pid_;
  TrackerKind tracker_;
  ScopedFd process_;  // a pidfd, which never names another process; not open before Linux 5.3
  SoftDirtyClaim claim_;
  bool is_known_ = false;  // it was `captured_.tree()`, pages with a soft-dirty bit excepted
  StoppedProcess stopped_;
  RegionList regions_, selected_;
  bool has_selection_ = false;
  mutable MappedIdentities identities_;
};

}  // namespace pagestore

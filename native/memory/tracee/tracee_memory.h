// The memory of a tracee, as its snapshots know it: captured and restored by writing down, or writing back, what
// differs.
//
// It keeps the order of its steps, which nobody outside can get wrong. A capture takes the dirty pages into a tree;
// then, when its caller knows what else the snapshot consists of, `commit` makes the snapshot, write-protects what was
// new, marks the memory as known and write-protects hot pages that have cooled. A restore writes pages, write-protects
// what was new and marks the memory as known.
//
// All or nothing for the store: a call that fails gives back its references. If it fails when the kernel or the tracee
// was changed already, nothing is known of the memory any more, and the next call compares everything. It leaves to its
// caller: to have the stores' lock, to call `read_mappings` first, and that the process is stopped.
#pragma once

#include <optional>

#include "memory/tracee/current_mappings.h"
#include "memory/tracee/tracee_tracker.h"
#include "snapshot/captured_memory.h"

namespace pagestore {

class TraceeMemory {
 public:
  TraceeMemory(TracedProcess& process, CapturedMemory& captured)
      : process_(process), captured_(captured), mappings_(process), tracker_(process) {}

  // `wanted`: which tracker to insist on; none for the best there is.
  Status begin(std::optional<TrackerKind> wanted);
  TrackerKind tracker() const { return tracker_.kind(); }
  bool is_tracker_refused() const { return tracker_.is_refused(); }

  // Reads the mappings again if they may have changed.
  Status read_mappings();
  const CurrentMappings& mappings() const { return mappings_; }
  const RegionList& regions() const { return mappings_.regions(); }
  uint64_t program_break() const { return mappings_.program_break(); }

  // Pages that were captured, and are not known yet.
  struct Pages {
    OwnedTree tree;
    uint64_t count = 0;
  };
  Status capture(PageStores& stores, Pages* pages);
  Status commit(PageStores& stores, Pages pages, const SnapshotParts& parts, OwnedSnapshot* snapshot);

  // Of what is closed (closed_memory.h) nothing is written; the memory is known when that has been done, too.
  Status restore(PageStores& stores, const Snapshot& snapshot);

  // The bytes at `address`, read without a change to the process.
  Status read(uint64_t address, std::span<std::byte> bytes) const;

  // Whatever the memory is now, the next call compares all of it.
  void mark_unknown() { tracker_.mark_unknown(); }

 private:
  Status begin_program();
  Status write(PageStores& stores, const PageTree& target);

  TracedProcess& process_;
  CapturedMemory& captured_;
  CurrentMappings mappings_;
  TraceeTracker tracker_;
  uint32_t program_ = 0;  // which of those that the process has been
};

}  // namespace pagestore

// Finds the dirty ranges of a tracee's memory: those whose pages may differ from the last tree.
//
// Pages are write-protected through a userfaultfd, which the tracee makes by an injected call; we take the descriptor
// and the tracee closes its own. A scan then finds the pages that were written. Nothing is known of ranges that are
// new (mapped since, or about which the process gave the kernel advice): all their pages count, once. Of memory that
// cannot be tracked all pages count each time, and wherever there is no userfaultfd, after each run.
//
// Whether the memory is *known* (equal to its last tree, dirty ranges excepted) is kept here. It leaves to its caller:
// to begin anew for each program that the process becomes, to pass the mappings as they are, to write-protect cooled
// pages only right after a capture, and that the process is stopped.
#pragma once

#include <optional>
#include <span>

#include "linux/pagemap.h"
#include "linux/userfaultfd.h"
#include "memory/hot_pages.h"
#include "memory/tracker.h"
#include "ptrace/traced_process.h"
#include "system/region.h"

namespace pagestore {

// A range to be compared with the last tree, and what is known of it.
struct DirtyRange {
  enum class Kind : uint8_t {
    written,         // the tracker found every page of it
    untracked,       // nothing is known; a page that does not exist reads as zero
    untracked_file,  // nothing is known; a page that does not exist reads as the file
    unmapped,        // there is no memory
  };
  AddressRange range;
  Kind kind;
};

class TraceeTracker {
 public:
  explicit TraceeTracker(TracedProcess& process) : process_(process) {}

  // Which tracker to insist on; none for the best there is. Refused if no tracee can have it.
  Status choose(std::optional<TrackerKind> wanted);
  Status begin();
  TrackerKind kind() const { return is_tracking() ? TrackerKind::write_protect : TrackerKind::none; }

  bool is_known() const { return is_known_; }
  void mark_unknown() { is_known_ = false; }

  // Nothing is known of these ranges any more.
  Status add_new(std::span<const AddressRange> ranges);
  // After mappings were read: all else speaks of these. Registers what is not registered yet, of which nothing is
  // known.
  Status set_regions(const RegionList& regions);

  // In rising order.
  Status find(GrowingArray<DirtyRange>* dirty) const;
  // The parts of a dirty range of which nothing is known where there can be anything but zeroes.
  Status find_existing(const DirtyRange& dirty, GrowingArray<AddressRange>* runs) const;

  // The memory is known from now on; what was new is write-protected.
  Status mark_known();

  // Each capture is a round.
  HotPages& hot_pages() { return hot_pages_; }
  Status write_protect_cooled();

 private:
  bool is_tracking() const { return userfaultfd_.is_open(); }
  // A region that a snapshot takes, as far as it matters here.
  struct Captured {
    AddressRange range;
    bool is_tracked;  // by write-protection, where there is a userfaultfd
    bool is_anonymous;
  };

  Status take_userfaultfd();
  Status register_captured(const AddressRange& range);
  Status add_untracked(GrowingArray<DirtyRange>* dirty, RangeSet* untracked) const;
  Status add_written(const RangeSet& untracked, GrowingArray<DirtyRange>* dirty) const;

  TracedProcess& process_;
  std::optional<TrackerKind> wanted_;
  Userfaultfd userfaultfd_;
  Pagemap pagemap_;
  GrowingArray<Captured> captured_;
  RangeSet new_;                 // registered, but never compared
  uint64_t registered_end_ = 0;  // no registered range lies behind it
  bool is_known_ = false;
  bool may_have_unmapped_ = false;  // since the memory was known last
  HotPages hot_pages_;
};

}  // namespace pagestore

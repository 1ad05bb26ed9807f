// Finds the dirty ranges of a tracee's memory: those whose pages may differ from the last tree.
//
// Pages are write-protected through a userfaultfd, which the tracee makes by an injected call; we take the descriptor
// and the tracee closes its own. A scan then finds the pages that were written, and those that were dropped. Nothing is
// known of ranges that are new (mapped since, or about which the process gave the kernel advice): all their pages
// count, once. Of memory that cannot be tracked all pages count each time, and wherever there is no userfaultfd, after
// each run. That is shared memory, and what the kernel does not let us register: pages that it may drop by itself
// (MAP_DROPPABLE), and those that the program, or whoever serves it, has registered with another userfaultfd.
//
// Whether the memory is *known* (equal to its last tree, dirty ranges excepted) is kept here. It leaves to its caller:
// to begin anew for each program that the process becomes, to pass the mappings as they are, to write-protect cooled
// pages only right after a capture, and that the process is stopped.
#pragma once

#include <optional>
#include <span>

#include "linux/pagemap.h"
#include "linux/untouched_pages.h"
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
    absent,          // the tracker found that there is no page, where one that does not exist reads as zero
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
  // Whether the system forbids a better one than there is.
  bool is_refused() const { return is_refused_; }
  TrackerKind kind() const { return is_tracking() ? TrackerKind::write_protect : TrackerKind::none; }

  bool is_known() const { return is_known_; }
  void mark_unknown() { is_known_ = false; }

  // Nothing is known of these ranges any more.
  Status add_new(std::span<const AddressRange> ranges);
  // After mappings were read: all else speaks of these, as the canonical list and as the kernel lists them. Registers
  // what is not registered yet, of which nothing is known. The latter list lives as long as they are spoken of.
  Status set_regions(const RegionList& regions, const RegionList& listed);

  // In rising order.
  Status find(GrowingArray<DirtyRange>* dirty) const;
  // The parts of a dirty range of which nothing is known where there can be anything but zeroes. `pages` are of a
  // moment at which nothing runs.
  Status find_existing(const DirtyRange& dirty, UntouchedPages& pages, GrowingArray<PageRun>* runs) const;
  const Pagemap& pagemap() const { return pagemap_; }
  // What was found out about files that are mapped.
  MappedIdentities& identities() const { return identities_; }

  // What others than us have registered with a userfaultfd.
  const RangeSet& of_others() const { return of_others_; }
  // Refuses to write a page there, naming it, where somebody would have to be asked first who is stopped.
  Status check_write(VirtualPage page, bool exists) const;

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
    bool is_sparse;   // of pages that exist alone
    bool is_anonymous;
  };

  Status take_userfaultfd();
  Status register_captured(const AddressRange& range);
  Status register_mappings(const AddressRange& range);
  Status add_captured(const Captured& captured);
  Status add_captured_part(const Captured& captured, const AddressRange& range);
  Status protect(const Captured& captured, const AddressRange& range);
  Status add_untracked(GrowingArray<DirtyRange>* dirty, RangeSet* untracked) const;
  Status add_written(const RangeSet& untracked, GrowingArray<DirtyRange>* dirty) const;
  template <typename KindOf>
  Status add_runs(std::span<const AddressRange> runs, const RangeSet& untracked, KindOf kind_of,
                  GrowingArray<DirtyRange>* dirty) const;

  TracedProcess& process_;
  std::optional<TrackerKind> wanted_;
  Userfaultfd userfaultfd_;
  Pagemap pagemap_;
  GrowingArray<Captured> captured_;
  RangeSet unregistrable_;      // of the regions
  RangeSet of_others_, taken_;  // the latter: of which the kernel says so, and nobody knows how they are registered
  const RegionList* listed_ = nullptr;  // as the kernel lists the mappings
  RangeSet sparse_;                     // regions of which pages that do not exist are not write-protected
  RangeSet new_;                        // registered, but never compared
  uint64_t registered_end_ = 0;         // no registered range lies behind it
  bool is_known_ = false, is_refused_ = false;
  bool may_have_unmapped_ = false;  // since the memory was known last
  HotPages hot_pages_;
  mutable MappedIdentities identities_;
};

}  // namespace pagestore

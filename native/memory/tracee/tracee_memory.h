// The memory of a tracee, followed: which pages may have changed since it was last known, and writing those
// that are to be others.
//
// Pages are write-protected through a userfaultfd that the tracee made for us (we took it, and it has closed
// its own). A scan then tells which were written; those that are compared and found equal three times over
// are protected again. What came by other ways (mappings that are new, or that the process gave the kernel
// advice about) is looked at as a whole, and so is everything where there is no userfaultfd.
//
// All or nothing: what failed is looked at again. It leaves to its caller: the stores' lock, to say when what
// was captured or restored has become what is known, and that nothing runs meanwhile.
#pragma once

#include <memory>

#include "linux/pagemap.h"
#include "memory/tracee/mappings.h"
#include "memory/tracker.h"
#include "ptrace/traced_process.h"
#include "snapshot/page_capture.h"

namespace pagestore {

class TraceeMemory {
 public:
  explicit TraceeMemory(TracedProcess& process) : process_(process) {}

  // `wanted`: which tracker to insist on, or null for the best there is.
  Status begin(const TrackerKind* wanted);
  TrackerKind tracker() const { return userfaultfd_.is_open() ? TrackerKind::write_protect : TrackerKind::none; }

  // Makes `regions` and `program_break` true.
  Status read_mappings();
  const RegionList& regions() const { return regions_; }
  uint64_t program_break() const { return program_break_; }

  // After `read_mappings`. `known` is what the memory was when it was known last.
  Status capture(PageStores& stores, const PageTree& known, uint64_t known_pages, OwnedTree* tree, uint64_t* pages);
  Status restore(PageStores& stores, const PageTree& known, const PageTree& target);

  // What was captured or restored is what is known now; or nothing is.
  Status mark_known();
  // After a capture: pages that were equal for long are dirty no more.
  Status protect_steady();
  void mark_unknown() { is_known_ = false; }

 private:
  // A range to be dealt with: `whole` without knowing anything of it, else known to be dirty, or to be gone.
  enum class Why : uint8_t { whole, whole_file, dirty, unmapped };
  struct Work {
    AddressRange range;
    Why why;
  };
  // A page that was dirty at the last look, and how many times it was equal since it was written.
  struct Steady {
    VirtualPage place;
    uint32_t looks;
  };
  class Looker;
  class Writer;

  Status begin_program();
  Status take_userfaultfd();
  Status note_look(VirtualPage place, bool is_same);
  Status register_range(const AddressRange& range);
  Status protect(const AddressRange& range);
  Status note_fresh();
  Status find_work(GrowingArray<Work>* work);
  Status add_regions(GrowingArray<Work>* work, RangeSet* whole);
  Status add_dirty(const RangeSet& whole, GrowingArray<Work>* work);
  static Status add_unless_whole(AddressRange run, const RangeSet& whole, GrowingArray<Work>* work);
  Status present_in(const Work& work, GrowingArray<AddressRange>* runs) const;
  bool has_other_size();
  bool is_watching() const { return userfaultfd_.is_open(); }

  TracedProcess& process_;
  TrackerKind wanted_ = TrackerKind::write_protect;
  bool is_free_to_choose_ = true;
  uint32_t program_ = 0;
  ScopedFd userfaultfd_, size_;
  uint64_t mapped_pages_ = 0;
  Pagemap pagemap_;
  RegionList regions_;
  uint64_t program_break_ = 0;
  RangeSet fresh_;            // nothing is known of it yet, but that it is watched
  uint64_t watched_end_ = 0;  // behind the last that is watched
  bool is_known_ = false, has_unmapped_ = false;
  GrowingArray<Steady> steady_, looked_;
  size_t steady_at_ = 0;
};

}  // namespace pagestore

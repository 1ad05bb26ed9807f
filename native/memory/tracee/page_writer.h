// Writes pages of a tracee until its memory equals a tree: what a restore does.
//
// Pages are written many at a time, however scattered they are. In ranges of which nothing is known they are compared
// first, so that a page of a file that is as it should be stays the file's; but what the program has freed is written
// in any case, as the kernel may drop it as long as nobody does. It leaves to its caller: to have the stores' lock, and
// that memory is mapped wherever the tree has pages.
#pragma once

#include "linux/remote_pages.h"
#include "memory/tracee/tracee_tracker.h"
#include "snapshot/page_table.h"
#include "system/mapping.h"

namespace pagestore {

class PageWriter {
 public:
  PageWriter(const TracedProcess& process, const TraceeTracker& tracker, PageStores& stores, const PageTree& target)
      : process_(process),
        tracker_(tracker),
        stores_(stores),
        target_(target),
        remote_(process.live_thread(), process.memory().get()),
        target_pages_(stores, target),
        untouched_(process.live_thread(), tracker.pagemap(), tracker.identities()) {}

  Status write(const DirtyRange& dirty);
  // What differs between the tree that the memory was and the one that it is to be, but for what is `left_out`.
  Status write_differences(const PageTree& from, const RegionList& regions, const RangeSet& left_out);
  // The last call.
  Status flush();

 private:
  static constexpr size_t kMost = RemotePages::kMost;

  Status write_untracked(const DirtyRange& dirty);
  Status write_missing(const AddressRange& range, std::span<const PageRun> existing);
  Status write_different(VirtualPage first, VirtualPage end, bool is_in_file);
  Status read(std::span<const VirtualPage> numbers, bool is_in_file, std::byte* const* pages, bool* reached) const;
  Status write_page(VirtualPage page, Child child);
  const std::byte* bytes_of(Child child) const;

  const TracedProcess& process_;
  const TraceeTracker& tracker_;
  PageStores& stores_;
  const PageTree& target_;
  RemotePages remote_;
  TreeReader target_pages_;
  UntouchedPages untouched_;
  GrowingArray<PageRun> runs_;
  Mapping scratch_;
  size_t count_ = 0;  // pages to be written by the next `flush`
  VirtualPage numbers_[kMost];
  const std::byte* bytes_[kMost];
  bool is_zero_[kMost];
};

}  // namespace pagestore

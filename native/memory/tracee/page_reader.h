// Reads dirty ranges of a tracee and makes them into a tree: what a capture does.
//
// Pages are read many at a time, however scattered they are, straight into blanks of the store. It leaves to its
// caller: to have the stores' lock, and to pass ranges in rising order.
#pragma once

#include "linux/remote_pages.h"
#include "memory/tracee/tracee_tracker.h"
#include "snapshot/captured_memory.h"
#include "snapshot/page_capture.h"

namespace pagestore {

class PageReader {
 public:
  // `captured` has the last tree.
  PageReader(const TracedProcess& process, TraceeTracker& tracker, PageStores& stores, const CapturedMemory& captured)
      : tracker_(tracker),
        stores_(stores),
        remote_(process.live_thread(), process.memory().get()),
        pages_(stores, captured.tree(), captured.pages()),
        untouched_(process.live_thread(), tracker.pagemap(), tracker.identities()) {}

  Status take(const DirtyRange& dirty);
  // The last call: the tree with all that was taken, and how many of its virtual pages have a page.
  Status finish(OwnedTree* tree, uint64_t* pages);

 private:
  static constexpr size_t kMost = RemotePages::kMost;
  static_assert(kMost <= OwnedBlanks::kMost);

  Status take_untracked(const DirtyRange& dirty);
  Status take_from_file(VirtualPage first, VirtualPage end);
  Status add(VirtualPage first, VirtualPage end, bool was_written);
  Status remove(VirtualPage first, VirtualPage end);
  Status flush();

  TraceeTracker& tracker_;
  PageStores& stores_;
  RemotePages remote_;
  PageCapture pages_;
  UntouchedPages untouched_;
  GrowingArray<PageRun> runs_;
  VirtualPage end_ = 0;  // of the range that was taken last
  size_t count_ = 0;     // pages to be read by the next `flush`
  VirtualPage numbers_[kMost];
  bool was_written_[kMost];
};

}  // namespace pagestore

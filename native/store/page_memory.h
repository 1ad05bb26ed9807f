// The memory of a store: the pages of one file, mapped shared, and the windows through which others
// see them.
//
// Growing lengthens the file, moves the mapping if it must (`mremap`: page contents are never
// copied), and populates what is new, so that memory which is not there is an error from `grow` and
// never a SIGBUS later. The file never shrinks. Small memories stay small: they start at 2 MiB and
// double, up to steps of 64 MiB.
//
// A window is a second, private mapping of a part of the file that never moves. Whoever writes to
// it gets a copy of their own; the stored page cannot be harmed. That copy would hide what is
// stored in the slot later, so a slot that was handed out once is resynced, in every window, at
// every reuse.
//
// Pages may be smaller than the system's (page tables are): these are never seen through windows.
//
// It leaves to its caller: to hold the store's lock (shared for `page` and `hand_out`, else
// exclusive), and to keep no address across a call that grows.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "store/backing_file.h"
#include "store/page_number.h"
#include "system/mapping.h"
#include "system/status.h"

namespace pagestore {

class PageMemory;

// Part of a file as one reader sees it: `pages` pages from page `first` on. It outlives the memory
// it was made from.
class WindowView {
 public:
  WindowView() = default;
  WindowView(const WindowView&) = delete;
  WindowView& operator=(const WindowView&) = delete;
  ~WindowView() { leave(); }

  std::byte* data() const { return mapping_.data(); }
  size_t bytes() const { return mapping_.bytes(); }

  // Is no longer resynced. To be called under the store's lock while its memory lives; does nothing
  // after that.
  void leave();

  // Gives the mapping up and leaves zeroes in its place: somebody out of our sight may still read there.
  void leave_zeroes() { mapping_.leave_zeroes(); }

 private:
  friend class PageMemory;
  Mapping mapping_;
  size_t first_ = 0;
  WindowView* next_ = nullptr;
  WindowView** link_ = nullptr;  // what points to us; null when nothing does
};

class PageMemory {
 public:
  PageMemory() = default;
  explicit PageMemory(BackingFile file, size_t page_bytes = page_size())
      : file_(std::move(file)), page_bytes_(page_bytes) {}
  PageMemory(const PageMemory&) = delete;
  ~PageMemory();

  void adopt(BackingFile file, size_t page_bytes) {
    file_ = std::move(file);
    page_bytes_ = page_bytes;
  }

  // The capacity that `grow(pages)` would lead to, at most `limit` (rounded up like every
  // capacity).
  size_t capacity_for(size_t pages, size_t limit) const;

  // Grows to `pages`, a value of `capacity_for`. On failure capacity and contents are as before.
  Status grow(size_t pages);

  std::byte* page(PageNumber n) const { return map_.data() + index_of(n) * page_bytes_; }
  size_t capacity() const { return map_.bytes() / page_bytes_; }
  MemoryKind kind() const { return file_.kind; }

  // Pages to a window. The last one may be shorter until the memory has grown.
  static size_t window_pages();

  // Maps window `index`, as far as the memory reaches today, and resyncs it from now on.
  Status open_window(size_t index, WindowView* window);

  // Maps `count` pages from `first` on over whole pages of memory at `at`, privately: writes there land in
  // copies. False when the system refuses; what was there is then undefined.
  bool map_over(PageNumber first, size_t count, std::byte* at) const;

  // A view of page `n` is about to be given away.
  void hand_out(PageNumber n);

  // Page `n` has new contents: views from before must see them.
  void renewed(PageNumber n) {
    if (was_handed_out(n)) resync(n);
  }

  uint64_t growths() const { return growths_; }
  uint64_t moves() const { return moves_; }
  size_t bookkeeping_bytes() const { return handed_out_.bytes(); }

 private:
  // One bit a page, set for good. Set under a shared lock, so by several threads at once.
  std::atomic_ref<uint8_t> marks_of(PageNumber n) const {
    return std::atomic_ref(reinterpret_cast<uint8_t*>(handed_out_.data())[index_of(n) / 8]);
  }
  static uint8_t mark_of(PageNumber n) { return static_cast<uint8_t>(1u << (index_of(n) % 8)); }
  bool was_handed_out(PageNumber n) const { return (marks_of(n).load(std::memory_order_relaxed) & mark_of(n)) != 0; }
  void resync(PageNumber n);
  Status populate(size_t from);

  BackingFile file_;
  size_t page_bytes_ = page_size();
  Mapping map_;
  Mapping handed_out_;
  WindowView* windows_ = nullptr;
  uint64_t growths_ = 0;
  uint64_t moves_ = 0;
};

}  // namespace pagestore

// The memory of a store: the pages of one file, mapped shared, and the windows through which others see them.
//
//   file      | page 0 | page 1 | page 2 | ...                     | capacity
//   our map   |<------------- one shared mapping, may move ------->|   addresses only under the lock
//   window 0  |<-- 64 MiB, private, never moves -->|                   what JavaScript reads
//   window 1                                       |<-- 64 MiB -->|
//
// Growing lengthens the file, moves the mapping if it must (`mremap`: page contents are never copied), and populates
// what is new, so that memory which the system does not have is an error from `grow` and never a SIGBUS later. The file
// never shrinks. Small memories stay small: they start at 2 MiB and double, up to steps of 64 MiB.
//
// Whoever writes to a window gets a copy of the page there; the stored page cannot be harmed. That copy would hide what
// is stored in the slot later, so a slot that was handed out once is resynced, in every window, whenever it is used
// again.
//
// Pages may be smaller than the system's. Such pages are never seen through windows.
//
// It leaves to its caller: to have the store's lock (shared for `page` and `hand_out`, else exclusive), to keep no
// address across a call that grows, and to name only pages below the capacity.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "store/backing_file.h"
#include "store/page_number.h"
#include "system/assert.h"
#include "system/mapping.h"
#include "system/non_copyable.h"
#include "system/status.h"

namespace pagestore {

class PageMemory;

// A part of the file as one reader sees it. It may outlive the memory that it was made from.
class WindowView : NonCopyable {
 public:
  ~WindowView() { leave(); }

  std::byte* data() const { return mapping_.data(); }
  size_t bytes() const { return mapping_.bytes(); }

  // Ends the resyncing. To be called under the store's lock while its memory lives; does nothing after that.
  void leave();

  // Replaces the mapping by zeroes and forgets it: a reader that cannot be told to stop may still read there.
  void leave_zeroes() { mapping_.leave_zeroes(); }

 private:
  friend class PageMemory;
  Mapping mapping_;
  size_t first_ = 0;
  WindowView* next_ = nullptr;
  WindowView** link_ = nullptr;  // the pointer to us in the memory's list; null when we are in none
};

class PageMemory : NonCopyable {
 public:
  PageMemory() = default;
  explicit PageMemory(BackingFile file, size_t page_bytes = page_size())
      : file_(std::move(file)), page_bytes_(page_bytes) {}
  ~PageMemory();

  void adopt(BackingFile file, size_t page_bytes) {
    file_ = std::move(file);
    page_bytes_ = page_bytes;
  }

  // The capacity to grow to for `pages` pages: at most `limit`, rounded up as every capacity is.
  size_t capacity_for(size_t pages, size_t limit) const;

  // Grows to `pages`, a value of `capacity_for`. On failure capacity and contents are as before.
  Status grow(size_t pages);

  std::byte* page(PageNumber n) const {
    PS_ASSERT(index_of(n) < capacity());
    return map_.data() + index_of(n) * page_bytes_;
  }
  size_t capacity() const { return map_.bytes() / page_bytes_; }
  MemoryKind kind() const { return file_.kind; }

  // Pages in a window. The last window may be shorter until the memory has grown.
  static size_t window_pages();

  // Maps window `index`, as far as the memory reaches now, and resyncs it from now on.
  Status open_window(size_t index, WindowView* window);

  // Maps `count` pages from `first` on over the whole pages of memory at `at`, privately: who writes there writes to
  // copies. False when the system refuses; whether anything is mapped at `at` is then undefined.
  bool map_over(PageNumber first, size_t count, std::byte* at) const;

  // Page `n` will be read through windows from now on.
  void hand_out(PageNumber n);

  // Page `n` has new contents: windows show them from now on.
  void refresh_windows(PageNumber n) {
    if (was_handed_out(n)) resync(n);
  }

  uint64_t growths() const { return growths_; }
  uint64_t moves() const { return moves_; }
  size_t bookkeeping_bytes() const { return handed_out_.bytes(); }

 private:
  // One bit a page, never cleared. Several threads may set bits at once, under the shared lock.
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

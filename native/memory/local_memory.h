// Memory of this process (a WebAssembly memory, an ArrayBuffer) that is captured and restored.
//
// Addresses are offsets from its start, and virtual pages are pages of those: the memory itself may lie anywhere,
// begin in the middle of a system page and end in the middle of one. A last partial page reads as if zeroes
// followed. A tracker finds dirty pages; each is compared with what is stored, and only what differs is copied.
//
//     system pages   |       |       |       |       |       the tracker's
//     the memory         [0      |1      |2    ]             its virtual pages
//
// State that belongs to a memory and lies elsewhere may be captured with it: bytes beside it, whole pages of them,
// which have a region of their own beyond the memory's end. They are few: each call compares them all, and no tracker
// is asked.
//
// Where other threads may write (shared memory), each page is stored from a copy, and dirty pages are protected
// before they are compared: a capture then shows each page at some moment of the call, and the next misses nothing.
//
// All or nothing: a call that fails leaves the memory, the last tree and the list of dirty pages as they were. It
// leaves to its caller: to say by `locate` where the memory is before each call (it may have grown or moved), and
// to keep it there until the next call, or until this object is deleted.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>

#include "memory/hot_pages.h"
#include "memory/memory.h"
#include "system/assert.h"

namespace pagestore {

// Where the memory is at the moment.
struct LocalBytes {
  std::byte* data = nullptr;
  size_t length = 0;
  bool is_shared = false;  // other threads may write to it

  bool operator==(const LocalBytes&) const = default;
};

// At which address the bytes beside it are captured, and where they are at the moment.
struct BesideBytes {
  uint64_t address = 0;
  std::byte* data = nullptr;
  size_t length = 0;

  VirtualPage first() const { return address / page_size(); }
  VirtualPage end() const { return first() + length / page_size(); }
  bool contains(VirtualPage page) const { return page >= first() && page < end(); }
};

class LocalMemory final : public RestorableMemory {
 public:
  // `wanted`: which tracker to insist on; none for the best there is. `beside`: the address at which bytes beside the
  // memory are captured, a multiple of a page.
  static Status open(SharedStore* store, std::optional<TrackerKind> wanted, uint64_t beside,
                     std::unique_ptr<LocalMemory>* memory);

  // Where the memory is from now on. To be called before each of the calls below.
  // `beside`: a multiple of a page.
  void locate(const LocalBytes& bytes, std::span<std::byte> beside) {
    PS_ASSERT(beside.size() % page_size() == 0);
    located_ = bytes;
    beside_.data = beside.data();
    beside_.length = beside.size();
  }

  Status capture(Snapshot* snapshot) override;
  // The snapshot may be of any memory of the same store that was no longer than this one. If it has bytes beside it,
  // they are as many at the same address; if it has none, those of this memory become zero.
  Status restore(const Snapshot& snapshot) override;
  // One, from 0 on, and one for the bytes beside it.
  Status regions(const RegionList** regions) override;
  Status read(uint64_t address, std::span<std::byte> bytes) const override;
  // Which tracker serves the memory, or will when it is next captured or restored.
  TrackerKind tracker() const override;

 private:
  LocalMemory(SharedStore* store, std::optional<TrackerKind> wanted, uint64_t beside)
      : RestorableMemory(Kind::local, store), wanted_(wanted) {
    PS_ASSERT(beside % page_size() == 0);
    beside_.address = beside;
  }
  class Capture;
  class Restore;
  // Virtual pages from `first` to just before `end`.
  struct PageRun {
    VirtualPage first, end;
  };

  // The bytes of a page of the memory or beside it; none for one that lies in neither.
  std::span<std::byte> bytes_of(VirtualPage page) const;
  Status track_located();
  Status begin_tracking();
  TrackerKind kind_for(const LocalBytes& bytes) const;
  Status find_dirty(Protect protect);
  Status find_dirty_and_protect_cooled();
  Status add_dirty(const GrowingArray<AddressRange>& runs);
  Status add_all_pages();
  template <typename Visit>
  Status for_each_dirty(PageStores& stores, TreeReader* reader, Visit visit);
  void count(VirtualPage page, bool is_equal);
  void mark_known();
  PageRun pages_of(const AddressRange& host) const;
  AddressRange host_pages_of(const PageRun& pages) const;
  uint64_t page_count() const { return round_up(bytes_.length, page_size()) / page_size(); }

  std::optional<TrackerKind> wanted_;
  std::unique_ptr<Tracker> tracker_;
  LocalBytes located_;  // where the memory is
  BesideBytes beside_;
  LocalBytes bytes_;             // where `tracker_` tracks it
  bool is_known_ = false;        // it was `captured_.tree()`, dirty pages excepted
  GrowingArray<PageRun> dirty_;  // found by the tracker, and not yet handled by a call that succeeded
  GrowingArray<AddressRange> runs_;
  HotPages hot_;
  bool has_hot_pages_ = false;  // dirty pages of this call are unprotected: they are counted
  RegionList regions_;
};

}  // namespace pagestore

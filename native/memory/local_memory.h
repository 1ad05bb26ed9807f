// Memory of this process (a WebAssembly memory, an ArrayBuffer) that is captured and restored.
//
// Addresses are offsets from its start, and a page is one of those offsets: the memory itself may lie
// anywhere, begin in the middle of a system page and end in the middle of one. A last partial page reads
// as if zeroes followed. Dirty pages come from a tracker; each is compared with what is stored, and only
// what differs is copied. A page that was dirty and equal three times over is armed again: what is
// written all the time is cheaper compared than faulted on.
//
// Where other threads may write (shared memory), pages are looked at in private copies and armed before
// that: then a capture shows each page at some moment of the call, and the next one misses nothing.
//
// All or nothing: a call that fails leaves memory, tree and what is known to be dirty as they were. It
// leaves to its caller: to say by `locate` where the memory is before each call (it may have grown or
// moved), and to keep it there until the next call or until this object is deleted.
#pragma once

#include <cstddef>
#include <memory>

#include "memory/memory.h"

namespace pagestore {

// Where the memory is at the moment.
struct LocalBytes {
  std::byte* data = nullptr;
  size_t length = 0;
  bool is_shared = false;  // other threads may write to it
};

class LocalMemory final : public RestorableMemory {
 public:
  // `wanted`: which tracker to insist on, or null for the best there is.
  static Status open(SharedStore* store, const TrackerKind* wanted, std::unique_ptr<LocalMemory>* memory);

  // Where the memory is from now on. To be called before each of the calls below.
  void locate(const LocalBytes& bytes) { located_ = bytes; }

  Status capture(Snapshot* snapshot) override;
  // The snapshot may be of any memory of the same store that was no longer than this one.
  Status restore(const Snapshot& snapshot) override;
  // One, from 0 on.
  Status regions(const RegionList** regions) override;
  Status read(uint64_t address, std::span<std::byte> bytes) const override;
  // Which tracker serves the memory, or will when it is next captured or restored.
  TrackerKind tracker() const override;

 private:
  LocalMemory(SharedStore* store, const TrackerKind* wanted);
  class Capture;
  class Restore;
  // Virtual pages from `first` to just before `end`.
  using Pages = AddressRange;

  Status adopt(const LocalBytes& bytes);
  Status choose_tracker();
  TrackerKind kind_for(const LocalBytes& bytes) const;
  Status find_dirty(Tracker::Protect protect);
  Status find_dirty_and_rearm();
  Status add_dirty(const GrowingArray<AddressRange>& runs);
  void note(uint64_t place, bool same);
  template <typename Visit>
  Status for_each_dirty(PageStores& stores, TreeReader* reader, Visit visit);
  Pages pages_of(const AddressRange& host) const;
  AddressRange host_pages_of(const Pages& pages) const;
  size_t page_count() const { return round_up(bytes_.length, page_size()) / page_size(); }

  bool is_free_to_choose_;
  TrackerKind wanted_;
  std::unique_ptr<Tracker> tracker_;
  LocalBytes located_;  // where the memory is
  LocalBytes bytes_;    // where the tracker takes it to be
  RegionList regions_;
  bool is_known_ = false;      // it was `captured_.tree()`, but for what is dirty
  GrowingArray<Pages> dirty_;  // told by the tracker, and not yet looked at by a call that succeeded
  GrowingArray<AddressRange> runs_;
  Mapping steady_;             // for each page, how many times it was dirty and equal
  uint64_t steady_pages_ = 0;  // equal often enough to be armed again
};

}  // namespace pagestore

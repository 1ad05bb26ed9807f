// What a LocalMemory does with its dirty pages: `capture` stores those that differ from the last tree, `restore`
// writes those that differ from the snapshot's.
#include <algorithm>
#include <cstring>

#include "memory/local_memory.h"
#include "snapshot/stored_regions.h"
#include "snapshot/tree_edit.h"
#include "store/page_copy.h"

namespace pagestore {

// Calls `visit(page, child of `reader`'s tree)` for each dirty page, in rising order, until one fails. Pages are
// prefetched some steps ahead: those that lie far apart are in no cache.
template <typename Visit>
Status LocalMemory::for_each_dirty(PageStores& stores, TreeReader* reader, Visit visit) {
  constexpr size_t kAhead = 16, kLines = 4;
  struct {
    VirtualPage page;
    Child child;
  } ahead[kAhead];
  size_t count = 0;
  Status status = Status::ok();
  const auto visit_them = [&] {
    for (size_t i = 0; i < count && status.is_ok(); ++i) status = visit(ahead[i].page, ahead[i].child);
    count = 0;
  };
  for (const PageRun& run : dirty_) {
    for (VirtualPage page = run.first; page < run.end; ++page) {
      const Child child = reader->page_at(page);
      prefetch_page(bytes_.data + page * page_size(), kLines);
      if (child != Child::absent) prefetch_page(stores.pages.bytes(number_of(child)), kLines);
      ahead[count++] = {page, child};
      if (count == kAhead) visit_them();
      if (!status.is_ok()) return status;
    }
  }
  visit_them();
  return status;
}

// One capture: compares dirty pages, stores those that differ, edits the tree.
class LocalMemory::Capture {
 public:
  Capture(LocalMemory& memory, PageStores& stores)
      : memory_(memory), stores_(stores), edit_(stores, memory.captured_.tree(), memory.captured_.pages()) {}

  // `known` is the page of the last tree.
  Status take(VirtualPage page, Child known) {
    const bool is_same = is_equal(page, known);
    memory_.count(page, is_same);
    return is_same ? Status::ok() : store(page);
  }

  // The last call. The memory may have been longer.
  Status finish(OwnedTree* tree, uint64_t* pages) {
    if (Status status = edit_.remove(memory_.page_count(), UINT64_MAX); !status.is_ok()) return status;
    return edit_.finish(tree, pages);
  }

 private:
  const std::byte* bytes(VirtualPage page) const { return memory_.bytes_.data + page * page_size(); }
  size_t length(VirtualPage page) const {
    return std::min<size_t>(page_size(), memory_.bytes_.length - page * page_size());
  }

  bool is_equal(VirtualPage page, Child known) const {
    if (length(page) < page_size()) return false;
    if (known == Child::absent) return is_zero(bytes(page), page_size());
    return pages_equal(bytes(page), stores_.pages.bytes(number_of(known)), page_size());
  }

  // From a copy: others may write to the page, and the last one may be shorter than a page.
  Status store(VirtualPage page) {
    OwnedBlank copy;
    if (Status status = OwnedBlank::borrow(stores_.pages, &copy); !status.is_ok()) return status;
    memcpy(copy.bytes(), bytes(page), length(page));
    memset(copy.bytes() + length(page), 0, page_size() - length(page));
    OwnedPage kept;
    if (Status status = OwnedPage::keep(std::move(copy), &kept); !status.is_ok()) return status;
    return edit_.set(page, std::move(kept));
  }

  LocalMemory& memory_;
  PageStores& stores_;
  TreeEdit edit_;
};

Status LocalMemory::capture(Snapshot* snapshot) {
  if (Status status = track_located(); !status.is_ok()) return status;
  if (Status status = find_dirty_and_protect_cooled(); !status.is_ok()) return status;
  const RegionList* regions;
  if (Status status = this->regions(&regions); !status.is_ok()) return status;

  const LockedStores stores(*store_);
  Capture capture(*this, *stores);
  TreeReader known(*stores, captured_.tree());
  const auto take = [&](VirtualPage page, Child child) { return capture.take(page, child); };
  if (Status status = for_each_dirty(*stores, &known, take); !status.is_ok()) return status;
  OwnedTree tree;
  uint64_t pages;
  if (Status status = capture.finish(&tree, &pages); !status.is_ok()) return status;
  const SnapshotParts parts{.regions = regions->bytes()};
  OwnedSnapshot made;
  if (Status status = captured_.commit(*stores, std::move(tree), pages, parts, &made); !status.is_ok()) return status;
  mark_known();
  *snapshot = made.take();
  return Status::ok();
}

// One restore: writes pages that differ.
class LocalMemory::Restore {
 public:
  Restore(LocalMemory& memory, PageStores& stores) : memory_(memory), stores_(stores) {}

  // Whether the page was equal already.
  bool write(VirtualPage page, Child child) {
    const uint64_t offset = page * page_size();
    if (offset >= memory_.bytes_.length) return true;
    const size_t length = std::min<size_t>(page_size(), memory_.bytes_.length - offset);
    std::byte* bytes = memory_.bytes_.data + offset;
    const std::byte* wanted = child == Child::absent ? nullptr : stores_.pages.bytes(number_of(child));
    const bool is_same = wanted == nullptr ? is_zero(bytes, length) : pages_equal(bytes, wanted, length);
    if (is_same) return true;
    if (wanted == nullptr) {
      memset(bytes, 0, length);
    } else {
      memcpy(bytes, wanted, length);
    }
    return false;
  }

 private:
  LocalMemory& memory_;
  PageStores& stores_;
};

Status LocalMemory::restore(const Snapshot& snapshot) {
  if (Status status = track_located(); !status.is_ok()) return status;
  if (Status status = find_dirty(Protect::nothing); !status.is_ok()) return status;

  const LockedStores stores(*store_);
  const uint64_t length = end_of_regions(*stores, snapshot.regions);
  if (length > bytes_.length) return Status::refused(Error::memory_size, bytes_.length, length);
  // The last that can fail: the memory is written only after it.
  OwnedTree tree;
  if (Status status = OwnedTree::ref(*stores, snapshot.memory, &tree); !status.is_ok()) return status;
  Restore restore(*this, *stores);
  TreeReader wanted(*stores, snapshot.memory);
  static_cast<void>(for_each_dirty(*stores, &wanted, [&](VirtualPage page, Child child) {
    count(page, restore.write(page, child));
    return Status::ok();
  }));
  if (is_known_) {
    PageTables(*stores).differences(captured_.tree(), snapshot.memory, 0, UINT64_MAX,
                                    [&](VirtualPage page, Child, Child child) { restore.write(page, child); });
  }
  captured_.mark_restored(*stores, std::move(tree), snapshot.pages);
  mark_known();
  return Status::ok();
}

}  // namespace pagestore

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
      Child child;
      if (status = reader->page_at(page, &child); !status.is_ok()) return status;
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

  // The last call. The memory may have been longer, and what lies beside it is compared as it is.
  Status finish(TreeReader* known, OwnedTree* tree, uint64_t* pages) {
    const BesideBytes& beside = memory_.beside_;
    VirtualPage end = memory_.page_count();
    if (beside.length > 0) {
      if (Status status = edit_.remove(end, beside.first()); !status.is_ok()) return status;
      for (end = beside.first(); end < beside.end(); ++end) {
        Child child;
        if (Status status = known->page_at(end, &child); !status.is_ok()) return status;
        if (is_equal(end, child)) continue;
        if (Status status = store(end); !status.is_ok()) return status;
      }
    }
    if (Status status = edit_.remove(end, UINT64_MAX); !status.is_ok()) return status;
    return edit_.finish(tree, pages);
  }

 private:
  bool is_equal(VirtualPage page, Child known) const {
    const std::span<const std::byte> bytes = memory_.bytes_of(page);
    if (bytes.size() < page_size()) return false;
    if (known == Child::absent) return is_zero(bytes.data(), page_size());
    return pages_equal(bytes.data(), stores_.pages.bytes(number_of(known)), page_size());
  }

  // From a copy: others may write to the page, and the last one may be shorter than a page.
  Status store(VirtualPage page) {
    OwnedBlank copy;
    if (Status status = OwnedBlank::borrow(stores_.pages, &copy); !status.is_ok()) return status;
    const std::span<const std::byte> bytes = memory_.bytes_of(page);
    memcpy(copy.bytes(), bytes.data(), bytes.size());
    memset(copy.bytes() + bytes.size(), 0, page_size() - bytes.size());
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
  if (Status status = capture.finish(&known, &tree, &pages); !status.is_ok()) return status;
  const SnapshotParts parts{.regions = regions->bytes()};
  OwnedSnapshot made;
  if (Status status = captured_.commit(*stores, std::move(tree), pages, parts, &made); !status.is_ok()) return status;
  mark_known();
  *snapshot = made.take();
  return Status::ok();
}

namespace {

// How much memory a snapshot with these regions needs; bytes beside it are to lie where ours do.
Status find_length(PageStores& stores, const PageTree& regions, const BesideBytes& beside, uint64_t* length) {
  Status status = find_end(stores, regions, UINT64_MAX, length);
  const bool has_ours = beside.length > 0 && *length == beside.address + beside.length;
  return status.is_ok() && has_ours ? find_end(stores, regions, beside.address, length) : status;
}

}  // namespace

// One restore: writes pages that differ.
class LocalMemory::Restore {
 public:
  Restore(LocalMemory& memory, PageStores& stores) : memory_(memory), stores_(stores) {}

  // All that may differ from `target`.
  Status write(const PageTree& target) {
    TreeReader wanted(stores_, target);
    Status status = memory_.for_each_dirty(stores_, &wanted, [this](VirtualPage page, Child child) {
      memory_.count(page, write(page, child));
      return Status::ok();
    });
    const BesideBytes& beside = memory_.beside_;
    for (VirtualPage page = beside.first(); page < beside.end() && status.is_ok(); ++page) {
      Child child;
      status = wanted.page_at(page, &child);
      if (status.is_ok()) write(page, child);
    }
    if (!status.is_ok() || !memory_.is_known_) return status;
    const auto write_page = [this](VirtualPage page, Child, Child child) {
      write(page, child);
      return Status::ok();
    };
    return PageTables(stores_).differences(memory_.captured_.tree(), target, 0, UINT64_MAX, write_page);
  }

 private:
  // Whether the page was equal already.
  bool write(VirtualPage page, Child child) {
    const std::span<std::byte> target = memory_.bytes_of(page);
    if (target.empty()) return true;
    std::byte* bytes = target.data();
    const size_t length = target.size();
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

  LocalMemory& memory_;
  PageStores& stores_;
};

Status LocalMemory::restore(const Snapshot& snapshot) {
  if (Status status = track_located(); !status.is_ok()) return status;
  if (Status status = find_dirty(Protect::nothing); !status.is_ok()) return status;

  const LockedStores stores(*store_);
  uint64_t length;
  if (Status status = find_length(*stores, snapshot.regions, beside_, &length); !status.is_ok()) return status;
  if (length > bytes_.length) return Status::refused(Error::memory_size, bytes_.length, length);
  OwnedTree tree;
  if (Status status = OwnedTree::ref(*stores, snapshot.memory, &tree); !status.is_ok()) return status;
  // From here on only a damaged store can fail, and then the memory is no longer known.
  if (Status status = Restore(*this, *stores).write(snapshot.memory); !status.is_ok()) {
    is_known_ = false;
    return status;
  }
  captured_.mark_restored(*stores, std::move(tree), snapshot.pages);
  mark_known();
  return Status::ok();
}

}  // namespace pagestore

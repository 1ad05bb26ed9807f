// Looking at dirty pages: what `capture` stores and `restore` writes.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "memory/local_memory.h"
#include "snapshot/stored_regions.h"
#include "snapshot/tree_edit.h"
#include "store/page_copy.h"

namespace pagestore {

// Calls `visit(place, page of the tree that `reader` reads)` for each dirty page, in rising order, until one
// fails. Pages that are far apart are asked for some steps ahead: they are in no cache.
template <typename Visit>
Status LocalMemory::for_each_dirty(PageStores& stores, TreeReader* reader, Visit visit) {
  constexpr size_t kAhead = 16, kLines = 4;
  struct {
    uint64_t place;
    Child page;
  } ahead[kAhead];
  size_t count = 0;
  Status status = Status::ok();
  const auto visit_them = [&] {
    for (size_t i = 0; i < count && status.is_ok(); ++i) status = visit(ahead[i].place, ahead[i].page);
    count = 0;
  };
  for (const Pages& run : dirty_) {
    for (uint64_t place = run.start; place < run.end; ++place) {
      const Child page = reader->page_at(place);
      prefetch_page(bytes_.data + place * page_size(), kLines);
      if (page != Child::absent) prefetch_page(stores.pages.bytes(number_of(page)), kLines);
      ahead[count++] = {place, page};
      if (count == kAhead) visit_them();
      if (!status.is_ok()) return status;
    }
  }
  visit_them();
  return status;
}

// One capture: looks at dirty pages, stores what differs, edits the tree.
class LocalMemory::Capture {
 public:
  Capture(LocalMemory& memory, PageStores& stores)
      : memory_(memory),
        stores_(stores),
        tables_(stores),
        edit_(stores, memory.captured_.tree(), memory.captured_.pages()) {}

  // `known` is what was there when the memory was last known.
  Status look_at(uint64_t place, Child known) {
    const bool is_same = is_as_known(place, known);
    memory_.note(place, is_same);
    return is_same ? Status::ok() : store(place);
  }

  // To be called last: what lay beyond the end of a memory that shrank is no more.
  Status forget_from(uint64_t place) {
    Status status = Status::ok();
    tables_.differences(memory_.captured_.tree(), {}, place, UINT64_MAX, [&](VirtualPage gone, Child, Child) {
      if (status.is_ok()) status = edit_.set(gone, {});
    });
    return status;
  }

  Status finish(OwnedTree* tree, uint64_t* pages) { return edit_.finish(tree, pages); }

 private:
  const std::byte* page(uint64_t place) const { return memory_.bytes_.data + place * page_size(); }
  size_t length(uint64_t place) const {
    return std::min<size_t>(page_size(), memory_.bytes_.length - place * page_size());
  }

  bool is_as_known(uint64_t place, Child known) const {
    if (length(place) < page_size()) return false;
    if (known == Child::absent) return is_zero(page(place), page_size());
    return pages_equal(page(place), stores_.pages.bytes(number_of(known)), page_size());
  }

  // From a copy in place: others may write to the page, and the last one may end before its time.
  Status store(uint64_t place) {
    PageNumber blank;
    if (Status status = stores_.pages.take_blanks(1, &blank); !status.is_ok()) return status;
    std::byte* copy = stores_.pages.blank(blank);
    memcpy(copy, page(place), length(place));
    memset(copy + length(place), 0, page_size() - length(place));
    OwnedPage kept;
    if (Status status = OwnedPage::keep(stores_.pages, blank, &kept); !status.is_ok()) return status;
    return edit_.set(place, std::move(kept));
  }

  LocalMemory& memory_;
  PageStores& stores_;
  PageTables tables_;
  TreeEdit edit_;
};

Status LocalMemory::capture(Snapshot* snapshot) {
  if (Status status = adopt(located_); !status.is_ok()) return status;
  if (Status status = find_dirty_and_rearm(); !status.is_ok()) return status;

  const SharedStore::Lock stores(*store_);
  Capture capture(*this, *stores);
  TreeReader known(*stores, captured_.tree());
  if (Status status =
          for_each_dirty(*stores, &known, [&](uint64_t place, Child page) { return capture.look_at(place, page); });
      !status.is_ok()) {
    return status;
  }
  if (Status status = capture.forget_from(page_count()); !status.is_ok()) return status;
  OwnedTree tree;
  uint64_t pages;
  if (Status status = capture.finish(&tree, &pages); !status.is_ok()) return status;
  const RegionList* regions;
  Status status = this->regions(&regions);
  if (!status.is_ok()) return status;
  OwnedSnapshot made;
  status = captured_.commit(*stores, std::move(tree), pages, {.regions = regions->bytes()}, &made);
  if (!status.is_ok()) return status;
  *snapshot = made.take();
  dirty_.clear();
  is_known_ = true;
  return Status::ok();
}

// One restore: writes pages that differ.
class LocalMemory::Restore {
 public:
  Restore(LocalMemory& memory, PageStores& stores, const PageTree& target)
      : memory_(memory), stores_(stores), target_(target) {}

  // What differs between what the memory was known to be and what it is to be.
  void write_differences() {
    PageTables(stores_).differences(memory_.captured_.tree(), target_, 0, UINT64_MAX,
                                    [&](VirtualPage place, Child, Child page) { write(place, page); });
  }

  // Whether it was that already.
  bool write(uint64_t place, Child child) {
    const uint64_t offset = place * page_size();
    if (offset >= memory_.bytes_.length) return true;
    const size_t bytes = std::min<size_t>(page_size(), memory_.bytes_.length - offset);
    std::byte* page = memory_.bytes_.data + offset;
    const std::byte* wanted = child == Child::absent ? nullptr : stores_.pages.bytes(number_of(child));
    const bool same = wanted == nullptr ? is_zero(page, bytes) : pages_equal(page, wanted, bytes);
    if (same) return true;
    if (wanted == nullptr) {
      memset(page, 0, bytes);
    } else {
      memcpy(page, wanted, bytes);
    }
    return false;
  }

 private:
  LocalMemory& memory_;
  PageStores& stores_;
  const PageTree& target_;
};

Status LocalMemory::restore(const Snapshot& snapshot) {
  if (Status status = adopt(located_); !status.is_ok()) return status;
  if (Status status = find_dirty(Tracker::Protect::nothing); !status.is_ok()) return status;

  const SharedStore::Lock stores(*store_);
  const uint64_t length = end_of_regions(*stores, snapshot.regions);
  if (length > bytes_.length) return Status::refused(Error::memory_size, bytes_.length, length);
  // What can fail comes first.
  if (!is_known_) {
    dirty_.clear();
    if (!dirty_.append({0, page_count()})) return Status::out_of_memory("realloc", sizeof(Pages), ENOMEM);
  }
  OwnedTree tree;
  if (Status status = OwnedTree::ref(*stores, snapshot.memory, &tree); !status.is_ok()) return status;
  Restore restore(*this, *stores, snapshot.memory);
  TreeReader wanted(*stores, snapshot.memory);
  static_cast<void>(for_each_dirty(*stores, &wanted, [&](uint64_t place, Child page) {
    note(place, restore.write(place, page));
    return Status::ok();
  }));
  if (is_known_) restore.write_differences();
  captured_.mark_restored(*stores, std::move(tree), snapshot.pages);
  dirty_.clear();
  is_known_ = true;
  return Status::ok();
}

}  // namespace pagestore

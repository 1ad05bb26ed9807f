#include "process/local_memory.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include "snapshot/region.h"
#include "snapshot/tree_edit.h"
#include "store/page_copy.h"

namespace pagestore {

namespace {

// Below that, comparing everything is cheaper than asking the kernel.
constexpr size_t kWorthTracking = 256 << 10;
constexpr uint8_t kSteady = 3;
// Arming a few pages one by one is cheaper than arming all that is dirty: what is written again faults.
constexpr uint64_t kFewArms = 64;

}  // namespace

Status LocalMemory::open(SharedStore* store, const TrackerKind* wanted, std::unique_ptr<LocalMemory>* memory) {
  if (wanted != nullptr && !Tracker::is_supported(*wanted))
    return Status::system(Error::tracker, "this tracker", ENOSYS);
  if (Status status = store->open_tables(kTableBytes); !status.is_ok()) return status;
  memory->reset(new (std::nothrow) LocalMemory(store, wanted));
  if (*memory) return Status::ok();
  return Status::out_of_memory("new", sizeof(LocalMemory), ENOMEM);
}

LocalMemory::LocalMemory(SharedStore* store, const TrackerKind* wanted)
    : store_(store), is_free_to_choose_(wanted == nullptr), wanted_(wanted == nullptr ? TrackerKind::none : *wanted) {}

TrackerKind LocalMemory::tracker(const LocalBytes& bytes) const {
  const bool is_same = tracker_ && bytes_.data == bytes.data && bytes_.length == bytes.length;
  return is_same ? tracker_->kind() : kind_for(bytes);
}

TrackerKind LocalMemory::kind_for(const LocalBytes& bytes) const {
  if (!is_free_to_choose_) return wanted_;
  if (bytes.length < kWorthTracking) return TrackerKind::none;
  if (Tracker::is_supported(TrackerKind::write_protect)) return TrackerKind::write_protect;
  // It loses what another thread writes during a look.
  if (Tracker::is_supported(TrackerKind::soft_dirty) && !bytes.is_shared) return TrackerKind::soft_dirty;
  return TrackerKind::none;
}

void LocalMemory::leave() {
  tracker_.reset();
  bytes_ = {};
}

// Where the memory has moved or shrunk, watching begins anew: everything may be dirty.
Status LocalMemory::adopt(const LocalBytes& bytes) {
  const bool stays = tracker_ && bytes.data == bytes_.data && bytes.is_shared == bytes_.is_shared;
  if (stays && bytes.length == bytes_.length) return Status::ok();
  if (stays && bytes.length > bytes_.length && kind_for(bytes) == tracker_->kind()) {
    const LocalBytes before = std::exchange(bytes_, bytes);
    const Pages all{0, page_count()};
    if (steady_.resize(all.length()) && tracker_->watch(host_pages_of(all)).is_ok()) return Status::ok();
    bytes_ = before;
  }
  const LocalBytes before = std::exchange(bytes_, bytes);
  is_known_ = false;
  dirty_.clear();
  steady_pages_ = 0;
  tracker_.reset();
  Status status = choose_tracker();
  if (!status.is_ok()) bytes_ = before;
  return status;
}

Status LocalMemory::choose_tracker() {
  const size_t bytes = std::max<size_t>(page_count(), 1);
  Mapping steady = Mapping::anonymous(bytes);
  if (!steady.is_mapped()) return Status::out_of_memory("mmap", bytes, errno);
  const AddressRange range = host_pages_of({0, page_count()});
  TrackerKind kind = kind_for(bytes_);
  for (;;) {
    std::unique_ptr<Tracker> tracker;
    Status status = Tracker::make(kind, &tracker);
    // Somebody else may watch the range, or the process have no descriptor left: comparing always works.
    if (status.is_ok() && range.length() > 0) status = tracker->watch(range);
    if (status.is_ok()) {
      tracker_ = std::move(tracker);
      steady_ = std::move(steady);
      return status;
    }
    if (!is_free_to_choose_ || kind == TrackerKind::none) return status;
    kind = TrackerKind::none;
  }
}

LocalMemory::Pages LocalMemory::pages_of(const AddressRange& host) const {
  const auto base = reinterpret_cast<uint64_t>(bytes_.data);
  const uint64_t from = std::max(host.start, base), to = std::min(host.end, base + bytes_.length);
  if (from >= to) return {0, 0};
  return {(from - base) / page_size(), (to - base - 1) / page_size() + 1};
}

AddressRange LocalMemory::host_pages_of(const Pages& pages) const {
  const auto base = reinterpret_cast<uint64_t>(bytes_.data);
  const uint64_t from = base + pages.start * page_size();
  const uint64_t to = base + std::min<uint64_t>(pages.end * page_size(), bytes_.length);
  return {from / page_size() * page_size(), round_up(to, page_size())};
}

// Makes `dirty_` complete: sorted, each page once.
Status LocalMemory::find_dirty(Tracker::Arm arm) {
  runs_.clear();
  if (bytes_.length == 0) return Status::ok();
  if (is_known_ || tracker_->kind() != TrackerKind::write_protect) {
    Status status = tracker_->dirty(bytes_.is_shared ? Tracker::Arm::dirty : arm, &runs_);
    return status.is_ok() ? add_dirty(runs_) : status;
  }
  // The first look: all is armed at once, and then whatever exists is looked at.
  const Pages all{0, page_count()};
  if (Status status = tracker_->arm(host_pages_of(all)); !status.is_ok()) return status;
  if (captured_.tree().root != Child::absent) {
    // What does not exist may have been there before.
    if (!runs_.append(host_pages_of(all))) return Status::out_of_memory("realloc", sizeof(all), ENOMEM);
    return add_dirty(runs_);
  }
  Status status = tracker_->present(&runs_);
  return status.is_ok() ? add_dirty(runs_) : status;
}

Status LocalMemory::add_dirty(const GrowingArray<AddressRange>& runs) {
  const bool was_empty = dirty_.empty();
  for (const AddressRange& run : runs) {
    const Pages pages = pages_of(run);
    if (pages.length() == 0) continue;
    Pages* last = dirty_.empty() ? nullptr : &dirty_[dirty_.size() - 1];
    // A page of ours may lie in two of the system's.
    if (last != nullptr && last->start <= pages.start && pages.start <= last->end) {
      last->end = std::max(last->end, pages.end);
    } else if (!dirty_.append(pages)) {
      return Status::out_of_memory("realloc", (dirty_.size() + 1) * sizeof(Pages), ENOMEM);
    }
  }
  if (was_empty || dirty_.empty()) return Status::ok();
  // An earlier call failed: two lists have become one.
  std::sort(dirty_.begin(), dirty_.end(), [](const Pages& a, const Pages& b) { return a.start < b.start; });
  size_t kept = 0;
  for (size_t i = 1; i < dirty_.size(); ++i) {
    if (dirty_[i].start <= dirty_[kept].end) {
      dirty_[kept].end = std::max(dirty_[kept].end, dirty_[i].end);
    } else {
      dirty_[++kept] = dirty_[i];
    }
  }
  dirty_.erase(kept + 1, dirty_.size() - kept - 1);
  return Status::ok();
}

void LocalMemory::note(uint64_t place, bool same) {
  auto& steady = reinterpret_cast<uint8_t*>(steady_.data())[place];
  const bool was_steady = steady == kSteady;
  steady = same ? static_cast<uint8_t>(std::min<unsigned>(steady + 1, kSteady)) : 0;
  steady_pages_ += (steady == kSteady) - was_steady;
}

// Before they are compared: a write that comes in between is told the next time.
Status LocalMemory::find_dirty_and_rearm() {
  const bool tracks = !bytes_.is_shared && tracker_->kind() == TrackerKind::write_protect;
  const bool in_one_pass = tracks && steady_pages_ > kFewArms;
  Status status = find_dirty(in_one_pass ? Tracker::Arm::dirty : Tracker::Arm::nothing);
  if (!status.is_ok() || !tracks || steady_pages_ == 0) return status;
  steady_pages_ = 0;
  auto* steady = reinterpret_cast<uint8_t*>(steady_.data());
  for (const Pages& run : dirty_) {
    if (in_one_pass) {
      memset(steady + run.start, 0, run.length());
      continue;
    }
    for (uint64_t place = run.start; place < run.end; ++place) {
      if (steady[place] < kSteady) continue;
      const uint64_t from = place;
      for (; place < run.end && steady[place] >= kSteady; ++place) steady[place] = 0;
      if (Status status = tracker_->arm(host_pages_of({from, place})); !status.is_ok()) return status;
    }
  }
  return Status::ok();
}

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
    const bool is_new = !is_as_known(place, known);
    const bool in_a_row = is_new && is_whole(place) && !memory_.bytes_.is_shared;
    if (pending_ > 0 && !(in_a_row && place == first_ + pending_ && pending_ < kMostPending)) {
      if (Status status = store_pending(); !status.is_ok()) return status;
    }
    if (!is_new) return Status::ok();
    if (!in_a_row) return store_copy(place);
    if (pending_++ == 0) first_ = place;
    return Status::ok();
  }

  // To be called last. What lay beyond the end of a memory that shrank is no more.
  Status forget_from(uint64_t place) {
    Status status = store_pending();
    tables_.differences(memory_.captured_.tree(), {}, place, UINT64_MAX, [&](VirtualPage gone, Child, Child) {
      if (status.is_ok()) status = edit_.set(gone, Child::absent);
    });
    return status;
  }

  Status finish(PageTree* tree, uint64_t* pages) { return edit_.finish(tree, pages); }

 private:
  static constexpr size_t kMostPending = 64;

  const std::byte* page(uint64_t place) const { return memory_.bytes_.data + place * page_size(); }
  size_t length(uint64_t place) const {
    return std::min<size_t>(page_size(), memory_.bytes_.length - place * page_size());
  }
  bool is_whole(uint64_t place) const { return length(place) == page_size(); }

  bool is_as_known(uint64_t place, Child known) {
    const size_t bytes = length(place);
    const bool same = known == Child::absent
                          ? is_whole(place) && is_zero(page(place), bytes)
                          : is_whole(place) && pages_equal(page(place), stores_.pages.bytes(number_of(known)), bytes);
    memory_.note(place, same);
    return same;
  }

  // From a copy in place: of a page that others write to, or that ends before its time.
  Status store_copy(uint64_t place) {
    PageNumber blank;
    if (Status status = stores_.pages.take_blanks(1, &blank); !status.is_ok()) return status;
    std::byte* copy = stores_.pages.blank(blank);
    memcpy(copy, page(place), length(place));
    memset(copy + length(place), 0, page_size() - length(place));
    Child child;
    if (Status status = keep_page(stores_.pages, blank, &child); !status.is_ok()) return status;
    return edit_.set(place, child);
  }

  // A row of whole pages, stored as one batch but for those that are zero.
  Status store_pending() {
    const uint64_t end = first_ + pending_;
    pending_ = 0;
    for (uint64_t place = first_; place < end;) {
      if (is_zero(page(place), page_size())) {
        if (Status status = edit_.set(place++, Child::absent); !status.is_ok()) return status;
        continue;
      }
      const uint64_t from = place;
      while (place < end && !is_zero(page(place), page_size())) ++place;
      PageNumber numbers[kMostPending];
      const size_t count = place - from;
      if (Status status = stores_.pages.store(page(from), count, numbers); !status.is_ok()) return status;
      for (size_t i = 0; i < count; ++i) {
        if (Status status = edit_.set(from + i, page_child(numbers[i])); !status.is_ok()) {
          static_cast<void>(stores_.pages.unref(numbers + i + 1, count - i - 1));
          return status;
        }
      }
    }
    return Status::ok();
  }

  LocalMemory& memory_;
  PageStores& stores_;
  PageTables tables_;
  TreeEdit edit_;
  uint64_t first_ = 0;
  size_t pending_ = 0;
};

Status LocalMemory::capture(const LocalBytes& bytes, Snapshot* snapshot) {
  if (Status status = adopt(bytes); !status.is_ok()) return status;
  if (Status status = find_dirty_and_rearm(); !status.is_ok()) return status;

  const SharedStore::Hold stores(*store_);
  Capture capture(*this, *stores);
  TreeReader known(*stores, captured_.tree());
  if (Status status =
          for_each_dirty(*stores, &known, [&](uint64_t place, Child page) { return capture.look_at(place, page); });
      !status.is_ok()) {
    return status;
  }
  if (Status status = capture.forget_from(page_count()); !status.is_ok()) return status;
  PageTree tree;
  uint64_t pages;
  if (Status status = capture.finish(&tree, &pages); !status.is_ok()) return status;
  RegionList regions;
  Status status = regions.add({0, bytes_.length, 0, {'r', 'w', '-', bytes_.is_shared ? 's' : 'p'}, {}});
  if (!status.is_ok()) {
    PageTables(*stores).release(tree);
    return status;
  }
  status = captured_.captured(*stores, tree, pages, regions.bytes(), {}, snapshot);
  if (!status.is_ok()) return status;
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

  void write(uint64_t place, Child child) {
    const uint64_t offset = place * page_size();
    if (offset >= memory_.bytes_.length) return;
    const size_t bytes = std::min<size_t>(page_size(), memory_.bytes_.length - offset);
    std::byte* page = memory_.bytes_.data + offset;
    const std::byte* wanted = child == Child::absent ? nullptr : stores_.pages.bytes(number_of(child));
    const bool same = wanted == nullptr ? is_zero(page, bytes) : pages_equal(page, wanted, bytes);
    memory_.note(place, same);
    if (same) return;
    if (wanted == nullptr) {
      memset(page, 0, bytes);
    } else {
      memcpy(page, wanted, bytes);
    }
  }

 private:
  LocalMemory& memory_;
  PageStores& stores_;
  const PageTree& target_;
};

Status LocalMemory::restore(const LocalBytes& bytes, const Snapshot& snapshot) {
  if (Status status = adopt(bytes); !status.is_ok()) return status;
  if (Status status = find_dirty(Tracker::Arm::nothing); !status.is_ok()) return status;

  const SharedStore::Hold stores(*store_);
  const uint64_t length = end_of_regions(*stores, snapshot.regions);
  if (length > bytes.length) return Status::refused(Error::memory_size, bytes.length, length);
  // What can fail comes first.
  if (!is_known_) {
    dirty_.clear();
    if (!dirty_.append({0, page_count()})) return Status::out_of_memory("realloc", sizeof(Pages), ENOMEM);
  }
  if (Status status = PageTables(*stores).hold(snapshot.memory); !status.is_ok()) return status;
  Restore restore(*this, *stores, snapshot.memory);
  TreeReader wanted(*stores, snapshot.memory);
  static_cast<void>(for_each_dirty(*stores, &wanted, [&](uint64_t place, Child page) {
    restore.write(place, page);
    return Status::ok();
  }));
  if (is_known_) restore.write_differences();
  captured_.restored(*stores, snapshot);
  dirty_.clear();
  is_known_ = true;
  return Status::ok();
}

}  // namespace pagestore

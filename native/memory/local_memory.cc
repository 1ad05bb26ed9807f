#include "memory/local_memory.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

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
    : RestorableMemory(Kind::local, store),
      is_free_to_choose_(wanted == nullptr),
      wanted_(wanted == nullptr ? TrackerKind::none : *wanted) {}

TrackerKind LocalMemory::tracker() const {
  const bool is_same = tracker_ && bytes_.data == located_.data && bytes_.length == located_.length;
  return is_same ? tracker_->kind() : kind_for(located_);
}

Status LocalMemory::regions(const RegionList** regions) {
  regions_.clear();
  *regions = &regions_;
  return regions_.add({0, located_.length, 0, {'r', 'w', '-', located_.is_shared ? 's' : 'p'}, {}});
}

Status LocalMemory::read(uint64_t address, std::span<std::byte> bytes) const {
  const bool is_within = address <= located_.length && bytes.size() <= located_.length - address;
  if (!is_within) return Status::refused(Error::address, address, 0);
  if (!bytes.empty()) memcpy(bytes.data(), located_.data + address, bytes.size());
  return Status::ok();
}

TrackerKind LocalMemory::kind_for(const LocalBytes& bytes) const {
  if (!is_free_to_choose_) return wanted_;
  if (bytes.length < kWorthTracking) return TrackerKind::none;
  if (Tracker::is_supported(TrackerKind::write_protect)) return TrackerKind::write_protect;
  // It loses what another thread writes during a look.
  if (Tracker::is_supported(TrackerKind::soft_dirty) && !bytes.is_shared) return TrackerKind::soft_dirty;
  return TrackerKind::none;
}

// Where the memory has moved or shrunk, watching begins anew: everything may be dirty.
Status LocalMemory::adopt(const LocalBytes& bytes) {
  const bool stays = tracker_ && bytes.data == bytes_.data && bytes.is_shared == bytes_.is_shared;
  if (stays && bytes.length == bytes_.length) return Status::ok();
  if (stays && bytes.length > bytes_.length && kind_for(bytes) == tracker_->kind()) {
    const LocalBytes before = std::exchange(bytes_, bytes);
    const Pages all{0, page_count()};
    if (steady_.resize(all.length()) && tracker_->register_range(host_pages_of(all)).is_ok()) return Status::ok();
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
    if (status.is_ok() && range.length() > 0) status = tracker->register_range(range);
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
Status LocalMemory::find_dirty(Tracker::Protect protect) {
  runs_.clear();
  if (bytes_.length == 0) return Status::ok();
  if (is_known_) {
    Status status = tracker_->scan(bytes_.is_shared ? Tracker::Protect::dirty : protect, &runs_);
    // What it has told is not told again.
    if (status.is_ok()) status = add_dirty(runs_);
    if (!status.is_ok()) is_known_ = false;
    if (status.error() != Error::tracker) return status;
    // The memory lies where it lay and is another: watching begins anew.
    tracker_.reset();
    if (status = adopt(bytes_); !status.is_ok()) return status;
    runs_.clear();
  }
  // The first look: no tracker knows what came before it. All is armed at once, and all is looked at.
  dirty_.clear();
  const AddressRange all = host_pages_of({0, page_count()});
  if (Status status = tracker_->write_protect(all); !status.is_ok()) return status;
  if (!runs_.append(all)) return Status::out_of_memory("realloc", sizeof(all), ENOMEM);
  return add_dirty(runs_);
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
  Status status = find_dirty(in_one_pass ? Tracker::Protect::dirty : Tracker::Protect::nothing);
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
      if (Status status = tracker_->write_protect(host_pages_of({from, place})); !status.is_ok()) return status;
    }
  }
  return Status::ok();
}

}  // namespace pagestore

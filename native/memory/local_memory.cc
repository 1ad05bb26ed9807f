#include "memory/local_memory.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

namespace pagestore {

namespace {

// Below that, comparing everything is cheaper than asking the kernel.
constexpr size_t kWorthTracking = 256 << 10;

}  // namespace

Status LocalMemory::open(SharedStore* store, std::optional<TrackerKind> wanted, uint64_t beside,
                         std::unique_ptr<LocalMemory>* memory) {
  if (wanted) {
    if (Status status = Tracker::require(*wanted); !status.is_ok()) return status;
  }
  if (Status status = open_snapshot_stores(*store); !status.is_ok()) return status;
  std::unique_ptr<LocalMemory> made(new (std::nothrow) LocalMemory(store, wanted, beside));
  if (!made) return Status::no_memory(sizeof(LocalMemory));
  // One memory at a time can have the bits, so whoever comes second is told now.
  if (wanted == TrackerKind::soft_dirty) {
    if (Status status = Tracker::make(*wanted, &made->tracker_); !status.is_ok()) return status;
  }
  *memory = std::move(made);
  return Status::ok();
}

TrackerKind LocalMemory::tracker() const {
  const bool is_tracked = tracker_ && bytes_.data == located_.data && bytes_.length == located_.length;
  return is_tracked ? tracker_->kind() : kind_for(located_);
}

Status LocalMemory::regions(const RegionList** regions) {
  regions_.clear();
  *regions = &regions_;
  Status status = regions_.add({0, located_.length, 0, {'r', 'w', '-', located_.is_shared ? 's' : 'p'}, {}});
  if (!status.is_ok() || beside_.length == 0) return status;
  return regions_.add({beside_.address, beside_.address + beside_.length, 0, {'r', 'w', '-', 'p'}, "[beside]"});
}

std::span<std::byte> LocalMemory::bytes_of(VirtualPage page) const {
  const size_t size = page_size();
  if (beside_.contains(page)) return {beside_.data + (page - beside_.first()) * size, size};
  if (page >= page_count()) return {};
  return {bytes_.data + page * size, std::min<size_t>(size, bytes_.length - page * size)};
}

Status LocalMemory::read(uint64_t address, std::span<std::byte> bytes) const {
  if (bytes.empty()) return Status::ok();
  const auto copy = [&](uint64_t start, std::span<const std::byte> from) {
    if (address < start || address - start >= from.size() || bytes.size() > from.size() - (address - start))
      return false;
    memcpy(bytes.data(), from.data() + (address - start), bytes.size());
    return true;
  };
  if (copy(0, {located_.data, located_.length})) return Status::ok();
  if (copy(beside_.address, {beside_.data, beside_.length})) return Status::ok();
  return Status::refused(Error::address, address, 0);
}

TrackerKind LocalMemory::kind_for(const LocalBytes& bytes) const {
  if (wanted_) return *wanted_;
  if (bytes.length < kWorthTracking) return TrackerKind::none;
  return Tracker::is_supported(TrackerKind::write_protect) ? TrackerKind::write_protect : TrackerKind::none;
}

// The tracker tracks the memory where it is. Where it has moved or shrunk, tracking begins anew.
Status LocalMemory::track_located() {
  if (beside_.length > 0 && located_.length > beside_.address) {
    return Status::refused(Error::memory_size, beside_.address, located_.length);
  }
  if (tracker_ && located_ == bytes_) return Status::ok();
  const LocalBytes before = std::exchange(bytes_, located_);
  const bool grows = tracker_ && bytes_.data == before.data && bytes_.is_shared == before.is_shared &&
                     bytes_.length > before.length && kind_for(bytes_) == tracker_->kind();
  if (grows && tracker_->register_range(host_pages_of({0, page_count()})).is_ok()) return Status::ok();
  Status status = begin_tracking();
  if (!status.is_ok()) bytes_ = before;
  return status;
}

// Nothing is known of the memory: every page may be dirty.
Status LocalMemory::begin_tracking() {
  is_known_ = false;
  dirty_.clear();
  hot_.clear();
  const AddressRange range = host_pages_of({0, page_count()});
  TrackerKind kind = kind_for(bytes_);
  // Never given up before this memory is closed: another one might take the bits meanwhile.
  if (kind == TrackerKind::soft_dirty) return tracker_->register_range(range);
  tracker_.reset();
  for (;;) {
    std::unique_ptr<Tracker> tracker;
    Status status = Tracker::make(kind, &tracker);
    if (status.is_ok() && range.length() > 0) status = tracker->register_range(range);
    if (status.is_ok()) {
      tracker_ = std::move(tracker);
      return status;
    }
    // Somebody else may track the range, or the process have no descriptor left: comparing everything always works.
    if (wanted_ || kind == TrackerKind::none) return status;
    kind = TrackerKind::none;
  }
}

LocalMemory::PageRun LocalMemory::pages_of(const AddressRange& host) const {
  const auto base = reinterpret_cast<uint64_t>(bytes_.data);
  const uint64_t from = std::max(host.start, base), to = std::min(host.end, base + bytes_.length);
  if (from >= to) return {0, 0};
  return {(from - base) / page_size(), (to - base - 1) / page_size() + 1};
}

AddressRange LocalMemory::host_pages_of(const PageRun& pages) const {
  const auto base = reinterpret_cast<uint64_t>(bytes_.data);
  const uint64_t from = base + pages.first * page_size();
  const uint64_t to = base + std::min<uint64_t>(pages.end * page_size(), bytes_.length);
  return {from / page_size() * page_size(), round_up(to, page_size())};
}

// Makes `dirty_` complete: in rising order, each page once.
Status LocalMemory::find_dirty(Protect protect) {
  runs_.clear();
  hot_.begin_round();
  has_hot_pages_ = false;
  if (bytes_.length == 0) return Status::ok();
  if (is_known_) {
    Status status = tracker_->scan(bytes_.is_shared ? Protect::dirty : protect, &runs_);
    // A scan that protects does not find the same pages again.
    if (status.is_ok()) status = add_dirty(runs_);
    if (!status.is_ok()) is_known_ = false;
    has_hot_pages_ = tracker_->kind() == TrackerKind::write_protect && !bytes_.is_shared;
    if (status.error() != Error::tracker) return status;
    // Another memory lies where this one lay.
    if (status = begin_tracking(); !status.is_ok()) return status;
    has_hot_pages_ = false;
  }
  // No tracker knows what came before it began. All pages are protected at once, and all are compared.
  if (Status status = tracker_->write_protect(host_pages_of({0, page_count()})); !status.is_ok()) return status;
  return add_all_pages();
}

Status LocalMemory::add_all_pages() {
  dirty_.clear();
  if (dirty_.append({0, page_count()})) return Status::ok();
  return Status::no_memory(sizeof(PageRun));
}

Status LocalMemory::add_dirty(const GrowingArray<AddressRange>& runs) {
  const bool was_empty = dirty_.empty();
  for (const AddressRange& run : runs) {
    const PageRun pages = pages_of(run);
    if (pages.first == pages.end) continue;
    PageRun* last = dirty_.empty() ? nullptr : &dirty_[dirty_.size() - 1];
    // A virtual page may lie in two pages of the system.
    if (last != nullptr && last->first <= pages.first && pages.first <= last->end) {
      last->end = std::max(last->end, pages.end);
    } else if (!dirty_.append(pages)) {
      return Status::no_memory((dirty_.size() + 1) * sizeof(PageRun));
    }
  }
  if (was_empty || dirty_.empty()) return Status::ok();
  // An earlier call failed, and has left its list: the two become one.
  std::sort(dirty_.begin(), dirty_.end(), [](const PageRun& a, const PageRun& b) { return a.first < b.first; });
  size_t kept = 0;
  for (size_t i = 1; i < dirty_.size(); ++i) {
    if (dirty_[i].first <= dirty_[kept].end) {
      dirty_[kept].end = std::max(dirty_[kept].end, dirty_[i].end);
    } else {
      dirty_[++kept] = dirty_[i];
    }
  }
  dirty_.erase(kept + 1, dirty_.size() - kept - 1);
  return Status::ok();
}

// Cooled pages are dirty: they are protected before this call compares them, so no later write is missed.
Status LocalMemory::find_dirty_and_protect_cooled() {
  const bool protects_all = hot_.have_many_cooled();
  Status status = find_dirty(protects_all ? Protect::dirty : Protect::nothing);
  if (!status.is_ok() || !has_hot_pages_) return status;
  if (protects_all) {
    hot_.clear();
    return status;
  }
  return hot_.protect_cooled([&](VirtualPage first, VirtualPage end) {
    return tracker_->write_protect(host_pages_of({first, end}));
  });
}

void LocalMemory::count(VirtualPage page, bool is_equal) {
  if (has_hot_pages_) hot_.count(page, is_equal);
}

void LocalMemory::mark_known() {
  dirty_.clear();
  hot_.end_round();
  is_known_ = true;
}

}  // namespace pagestore

#include "memory/tracker.h"

#include <new>

#include "memory/soft_dirty.h"
#include "memory/write_protect.h"
#include "system/mapping.h"

namespace pagestore {

namespace {

// Finds every page, always.
class NoTracker final : public Tracker {
 public:
  TrackerKind kind() const override { return TrackerKind::none; }
  Status register_range(const AddressRange& range) override {
    range_ = range;
    return Status::ok();
  }
  Status scan(Protect /*protect*/, GrowingArray<AddressRange>* runs) override {
    if (runs->append(range_)) return Status::ok();
    return Status::no_memory(sizeof(AddressRange));
  }
  Status write_protect(const AddressRange& /*range*/) override { return Status::ok(); }

 private:
  AddressRange range_{};
};

bool contains(const GrowingArray<AddressRange>& runs, uint64_t address) {
  for (const AddressRange& run : runs) {
    if (run.start <= address && address < run.end) return true;
  }
  return false;
}

// Protects two pages of our own, writes to one of them, and scans.
bool proves_itself(Tracker& tracker) {
  Mapping pages = Mapping::anonymous(2 * page_size());
  if (!pages.is_mapped()) return false;
  auto* first = reinterpret_cast<volatile char*>(pages.data());
  auto* second = first + page_size();
  *first = 1;
  *second = 1;
  const auto start = reinterpret_cast<uint64_t>(pages.data());
  const AddressRange range{start, start + pages.bytes()};
  GrowingArray<AddressRange> runs;
  if (!tracker.register_range(range).is_ok() || !tracker.scan(Protect::dirty, &runs).is_ok()) return false;
  if (!contains(runs, start) || !contains(runs, start + page_size())) return false;
  runs.clear();
  *second = 2;
  return tracker.scan(Protect::dirty, &runs).is_ok() && !contains(runs, start) && contains(runs, start + page_size());
}

bool probe(TrackerKind kind) {
  std::unique_ptr<Tracker> tracker;
  return Tracker::make(kind, &tracker).is_ok() && proves_itself(*tracker);
}

}  // namespace

bool Tracker::is_supported(TrackerKind kind) {
  static const bool write_protect = probe(TrackerKind::write_protect);
  static const bool soft_dirty = probe(TrackerKind::soft_dirty);
  return kind == TrackerKind::write_protect ? write_protect : kind == TrackerKind::soft_dirty ? soft_dirty : true;
}

Status Tracker::make(TrackerKind kind, std::unique_ptr<Tracker>* tracker) {
  switch (kind) {
    case TrackerKind::write_protect:
      return WriteProtect::make(tracker);
    case TrackerKind::soft_dirty:
      return SoftDirty::make(tracker);
    case TrackerKind::none:
      break;
  }
  tracker->reset(new (std::nothrow) NoTracker);
  if (*tracker) return Status::ok();
  return Status::no_memory(sizeof(NoTracker));
}

}  // namespace pagestore

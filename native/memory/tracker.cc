#include "memory/tracker.h"

#include <cerrno>
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
  static const bool has_write_protect = probe(TrackerKind::write_protect);
  static const bool has_soft_dirty = probe(TrackerKind::soft_dirty);
  switch (kind) {
    case TrackerKind::write_protect:
      return has_write_protect;
    case TrackerKind::soft_dirty:
      return has_soft_dirty;
    case TrackerKind::none:
      return true;
  }
  return false;
}

Status Tracker::require(TrackerKind kind) {
  if (is_supported(kind)) return Status::ok();
  std::unique_ptr<Tracker> tracker;
  if (Status status = make(kind, &tracker); !status.is_ok()) return status;
  // Some kernels accept every request and never note a write.
  const char* missing = kind == TrackerKind::soft_dirty ? "soft-dirty bits" : "write-protection that notes writes";
  return Status::system(Error::tracker, missing, ENOSYS);
}

Status Tracker::make(TrackerKind kind, std::unique_ptr<Tracker>* tracker) {
  switch (kind) {
    case TrackerKind::write_protect:
      return WriteProtect::make(tracker);
    case TrackerKind::soft_dirty:
      return SoftDirty::make(tracker);
    case TrackerKind::none:
      tracker->reset(new (std::nothrow) NoTracker);
      return *tracker ? Status::ok() : Status::no_memory(sizeof(NoTracker));
  }
  return Status::system(Error::tracker, "this tracker", ENOSYS);
}

}  // namespace pagestore

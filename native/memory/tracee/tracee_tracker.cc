#include "memory/tracee/tracee_tracker.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "linux/process_regions.h"
#include "memory/tracee/mappings.h"
#include "system/page_size.h"
#include "system/phase_clock.h"

namespace pagestore {

namespace {

Status append(const AddressRange& range, DirtyRange::Kind kind, GrowingArray<DirtyRange>* dirty) {
  if (dirty->append({range, kind})) return Status::ok();
  return Status::no_memory((dirty->size() + 1) * sizeof(DirtyRange));
}

AddressRange intersection(const AddressRange& a, const AddressRange& b) {
  return {std::max(a.start, b.start), std::min(a.end, b.end)};
}

// Whether a tracee can have that tracker, if the kernel and its privileges allow it.
constexpr bool can_have(TrackerKind kind) {
  switch (kind) {
    case TrackerKind::write_protect:
    case TrackerKind::none:
      return true;
    case TrackerKind::soft_dirty:
      return false;
  }
  return false;
}

// Guards are registered like what lies around them: else the kernel would part the mapping, and refuse the program what
// it does with all of it (mremap).
bool is_captured_without_guard(Region region) {
  region.is_guard = false;
  region.is_captured = true;
  return classify(region) != RegionClass::left_out;
}

// The parts of `run` that are not in `untracked`, which is compared anyway.
Status append_tracked(AddressRange run, const RangeSet& untracked, DirtyRange::Kind kind,
                      GrowingArray<DirtyRange>* dirty) {
  for (const AddressRange& part : untracked.overlapping(run)) {
    if (run.start < part.start) {
      if (Status status = append({run.start, part.start}, kind, dirty); !status.is_ok()) return status;
    }
    run.start = std::min(part.end, run.end);
  }
  return run.length() > 0 ? append(run, kind, dirty) : Status::ok();
}

}  // namespace

Status TraceeTracker::choose(std::optional<TrackerKind> wanted) {
  if (wanted && !can_have(*wanted)) {
    return Status::system(Error::tracker, "soft-dirty bits of a tracee", EOPNOTSUPP);
  }
  wanted_ = wanted;
  return Status::ok();
}

// All that is registered ends with its address space.
Status TraceeTracker::begin() {
  if (Status status = Pagemap::open(process_.pid(), &pagemap_); !status.is_ok()) return status;
  userfaultfd_ = {};
  is_known_ = false;
  new_ = {};
  sparse_ = {};
  hot_pages_.clear();
  if (wanted_ == TrackerKind::none) return Status::ok();
  const Status status = take_userfaultfd();
  // Profiles of containers answer calls that they do not know as a kernel would that does not have them.
  const int error_number = status.error() == Error::tracker ? status.error_number() : 0;
  is_refused_ = error_number == EPERM || error_number == ENOSYS;
  return status.error() == Error::tracker && !wanted_ ? Status::ok() : status;
}

// Made by the tracee: a userfaultfd serves the address space of the process that makes it.
Status TraceeTracker::take_userfaultfd() {
  int64_t made = 0, closed = 0;
  const Status status = process_.call({SYS_userfaultfd, {Userfaultfd::kFlags}}, &made);
  if (status.error() == Error::permission) return Status::system(Error::tracker, status.what(), EPERM);
  if (!status.is_ok()) return status;
  if (made < 0) return Status::system(Error::tracker, "userfaultfd in the process", static_cast<int>(-made));
  const ScopedFd process(static_cast<int>(syscall(SYS_pidfd_open, process_.pid(), 0)));
  ScopedFd taken(process.is_open() ? static_cast<int>(syscall(SYS_pidfd_getfd, process.get(), made, 0)) : -1);
  const int error_number = errno;
  if (Status status = process_.call({SYS_close, {static_cast<uint64_t>(made)}}, &closed); !status.is_ok()) {
    return status;
  }
  if (!process.is_open()) return Status::system(Error::tracker, "pidfd_open", error_number);
  if (!taken.is_open()) return Status::system(Error::tracker, "pidfd_getfd", error_number);
  Userfaultfd userfaultfd;
  if (Status status = Userfaultfd::from(std::move(taken), &userfaultfd); !status.is_ok()) return status;
  if (Status proven = Tracker::require(TrackerKind::write_protect); !proven.is_ok()) return proven;
  userfaultfd_ = std::move(userfaultfd);
  process_.set_userfaultfd(&userfaultfd_);
  return Status::ok();
}

Status TraceeTracker::add_new(std::span<const AddressRange> ranges) {
  for (const AddressRange& range : ranges) {
    if (Status status = new_.add(range); !status.is_ok()) return status;
  }
  return Status::ok();
}

Status TraceeTracker::set_regions(const RegionList& regions, const RegionList& listed) {
  may_have_unmapped_ = true;
  captured_.clear();
  unregistrable_.clear();
  of_others_.clear();
  taken_.clear();
  listed_ = &listed;
  if (Status status = of_others_.add_all(process_.registered().all.ranges()); !status.is_ok()) return status;
  const RangeSet sparse_before = std::exchange(sparse_, {});
  RegionReader reader(regions.bytes());
  for (Region region; reader.next(&region);) {
    if (region.path == "anon_inode:[io_uring]") {
      return Status::system(Error::tracee, "tracking the memory of a process with an io_uring, which writes unseen",
                            EOPNOTSUPP);
    }
    const RegionClass kind = classify(region);
    const AddressRange range{region.start, region.end};
    if (is_tracking() && region.is_guard && is_captured_without_guard(region)) {
      if (Status status = register_captured(range); !status.is_ok()) return status;
    }
    if (kind == RegionClass::left_out) continue;
    const bool is_tracked = kind != RegionClass::compared, is_sparse = kind == RegionClass::sparse;
    // Shared memory is registered, too, so that we learn what somebody else serves.
    if (is_tracking()) {
      if (Status status = register_captured(range); !status.is_ok()) return status;
    }
    for (const AddressRange& part : of_others_.overlapping(range)) {
      if (Status status = unregistrable_.add(intersection(part, range)); !status.is_ok()) return status;
    }
    // Pages that may be read now and do not exist would be found by each scan.
    for (const AddressRange& part : is_sparse ? std::span<const AddressRange>() : sparse_before.overlapping(range)) {
      if (Status status = new_.add(intersection(part, range)); !status.is_ok()) return status;
    }
    const Captured captured{range, is_tracked, is_sparse, is_anonymous(region)};
    if (Status status = add_captured(captured); !status.is_ok()) return status;
  }
  return Status::ok();
}

Status TraceeTracker::register_captured(const AddressRange& range) {
  GrowingArray<AddressRange> runs;
  registered_end_ = range.end;
  if (Status status = pagemap_.unregistered(range, &runs); !status.is_ok()) return status;
  for (const AddressRange& run : runs) {
    if (!userfaultfd_.register_range(run).is_ok()) {
      if (Status status = register_mappings(run); !status.is_ok()) return status;
    } else if (Status status = new_.add(run); !status.is_ok()) {
      return status;
    }
  }
  return Status::ok();
}

// The kernel refuses a range for the sake of one mapping in it.
Status TraceeTracker::register_mappings(const AddressRange& range) {
  RegionReader reader(listed_->bytes());
  for (Region region; reader.next(&region);) {
    const AddressRange mapping{region.start, region.end};
    if (!overlap(mapping, range)) continue;
    const AddressRange part = intersection(mapping, range);
    const Status refused = userfaultfd_.register_range(part);
    if (Status status = (refused.is_ok() ? new_ : unregistrable_).add(part); !status.is_ok()) return status;
    if (refused.error_number() != EBUSY) continue;
    if (Status status = of_others_.add(part); !status.is_ok()) return status;
    if (process_.registered().all.covers(part)) continue;
    if (Status status = taken_.add(part); !status.is_ok()) return status;
  }
  return Status::ok();
}

// Parts of which some can be tracked and others cannot.
Status TraceeTracker::add_captured(const Captured& captured) {
  const AddressRange& range = captured.range;
  uint64_t next = range.start;
  for (const AddressRange& each : unregistrable_.overlapping(range)) {
    const AddressRange part = intersection(each, range);
    Status status = next < part.start ? add_captured_part(captured, {next, part.start}) : Status::ok();
    Captured untracked = captured;
    untracked.is_tracked = untracked.is_sparse = false;
    if (status.is_ok()) status = add_captured_part(untracked, part);
    if (!status.is_ok()) return status;
    next = part.end;
  }
  return next < range.end ? add_captured_part(captured, {next, range.end}) : Status::ok();
}

Status TraceeTracker::add_captured_part(const Captured& captured, const AddressRange& range) {
  Captured part = captured;
  part.range = range;
  if (!captured_.append(part)) return Status::no_memory(sizeof(part));
  return part.is_sparse ? sparse_.add(range) : Status::ok();
}

Status TraceeTracker::find(GrowingArray<DirtyRange>* dirty) const {
  RangeSet untracked;
  if (Status status = add_untracked(dirty, &untracked); !status.is_ok()) return status;
  if (Status status = add_written(untracked, dirty); !status.is_ok()) return status;
  std::sort(dirty->begin(), dirty->end(),
            [](const DirtyRange& a, const DirtyRange& b) { return a.range.start < b.range.start; });
  return Status::ok();
}

Status TraceeTracker::add_untracked(GrowingArray<DirtyRange>* dirty, RangeSet* untracked) const {
  using Kind = DirtyRange::Kind;
  uint64_t before = 0;
  for (const Captured& captured : captured_) {
    const AddressRange& range = captured.range;
    if (may_have_unmapped_ && before < range.start) {
      if (Status status = append({before, range.start}, Kind::unmapped, dirty); !status.is_ok()) return status;
    }
    before = range.end;
    // What nobody else writes to is as it was while nothing has run, also without a userfaultfd.
    const bool may_be_known = captured.is_tracked && (is_tracking() || !process_.has_run());
    const bool is_known = is_known_ && may_be_known;
    for (const AddressRange& part : is_known ? new_.overlapping(range) : std::span(&range, 1)) {
      const AddressRange here = intersection(part, range);
      const Kind how = captured.is_anonymous ? Kind::untracked : Kind::untracked_file;
      if (Status status = append(here, how, dirty); !status.is_ok()) return status;
      if (Status status = untracked->add(here); !status.is_ok()) return status;
    }
  }
  return may_have_unmapped_ ? append({before, UINT64_MAX}, Kind::unmapped, dirty) : Status::ok();
}

// One scan goes over the whole address space: one for each region would cost more. What it finds where nothing is
// registered is left out here.
Status TraceeTracker::add_written(const RangeSet& untracked, GrowingArray<DirtyRange>* dirty) const {
  if (!is_tracking() || !is_known_ || !process_.has_run()) return Status::ok();
  const InPhase phase(Phase::scan);
  GrowingArray<AddressRange> runs, absent;
  const AddressRange all{0, registered_end_};
  if (Status status = pagemap_.written_if_registered(all, &runs, &absent); !status.is_ok()) return status;
  const auto of_existing = [](const Captured&) { return DirtyRange::Kind::written; };
  // A page of a file that was dropped reads as the file again.
  const auto of_absent = [](const Captured& captured) {
    return captured.is_anonymous ? DirtyRange::Kind::absent : DirtyRange::Kind::untracked_file;
  };
  if (Status status = add_runs({runs.data(), runs.size()}, untracked, of_existing, dirty); !status.is_ok()) {
    return status;
  }
  return add_runs({absent.data(), absent.size()}, untracked, of_absent, dirty);
}

// The parts of `runs`, in rising order, in regions that are tracked.
template <typename KindOf>
Status TraceeTracker::add_runs(std::span<const AddressRange> runs, const RangeSet& untracked, KindOf kind_of,
                               GrowingArray<DirtyRange>* dirty) const {
  const Captured* region = captured_.begin();
  for (size_t next = 0; next < runs.size() && region < captured_.end(); ++region) {
    while (next < runs.size() && runs[next].end <= region->range.start) ++next;
    for (size_t i = next; i < runs.size() && runs[i].start < region->range.end; ++i) {
      if (!region->is_tracked) continue;
      const AddressRange run = intersection(runs[i], region->range);
      if (Status status = append_tracked(run, untracked, kind_of(*region), dirty); !status.is_ok()) return status;
    }
  }
  return Status::ok();
}

Status TraceeTracker::find_existing(const DirtyRange& dirty, UntouchedPages& pages, GrowingArray<PageRun>* runs) const {
  runs->clear();
  return pages.find(*listed_, dirty.range, runs);
}

Status TraceeTracker::check_write(VirtualPage page, bool exists) const {
  const AddressRange range{page * page_size(), (page + 1) * page_size()};
  if (of_others_.empty() || of_others_.overlapping(range).empty()) return Status::ok();
  const RangeSet& served = process_.registered().served;
  const bool is_served = !served.overlapping(range).empty() || !taken_.overlapping(range).empty();
  GrowingArray<AddressRange> write_protected;
  if (!exists) return is_served ? Status::mapping(range.start, EBUSY) : Status::ok();
  if (Status status = pagemap_.write_protected(range, &write_protected); !status.is_ok()) return status;
  return write_protected.empty() ? Status::ok() : Status::mapping(range.start, EBUSY);
}

Status TraceeTracker::mark_known() {
  if (is_tracking() && !new_.empty()) {
    for (const Captured& captured : captured_) {
      if (!captured.is_tracked) continue;
      for (const AddressRange& part : new_.overlapping(captured.range)) {
        Status status = protect(captured, intersection(part, captured.range));
        if (!status.is_ok()) return status;
      }
    }
  }
  new_ = {};
  may_have_unmapped_ = false;
  is_known_ = true;
  process_.mark_known();
  return Status::ok();
}

Status TraceeTracker::protect(const Captured& captured, const AddressRange& range) {
  if (!captured.is_sparse) return userfaultfd_.write_protect(range);
  GrowingArray<AddressRange> runs;
  return pagemap_.protect_existing(range, &runs);
}

Status TraceeTracker::write_protect_cooled() {
  if (hot_pages_.have_many_cooled()) {
    GrowingArray<AddressRange> runs;
    hot_pages_.clear();
    return pagemap_.protect_existing({0, registered_end_}, &runs);
  }
  return hot_pages_.protect_cooled([&](VirtualPage first, VirtualPage end) {
    return userfaultfd_.write_protect({first * page_size(), end * page_size()});
  });
}

}  // namespace pagestore

#include "memory/tracee/tracee_tracker.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

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

// The parts of `run` that are not in `untracked`, which is compared anyway.
Status append_tracked(AddressRange run, const RangeSet& untracked, GrowingArray<DirtyRange>* dirty) {
  for (const AddressRange& part : untracked.overlapping(run)) {
    if (run.start < part.start) {
      if (Status status = append({run.start, part.start}, DirtyRange::Kind::written, dirty); !status.is_ok()) {
        return status;
      }
    }
    run.start = std::min(part.end, run.end);
  }
  return run.length() > 0 ? append(run, DirtyRange::Kind::written, dirty) : Status::ok();
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
  hot_pages_.clear();
  if (wanted_ == TrackerKind::none) return Status::ok();
  const Status status = take_userfaultfd();
  return status.error() == Error::tracker && !wanted_ ? Status::ok() : status;
}

// Made by the tracee: a userfaultfd serves the address space of the process that makes it.
Status TraceeTracker::take_userfaultfd() {
  int64_t made = 0, closed = 0;
  if (Status status = process_.call({SYS_userfaultfd, {Userfaultfd::kFlags}}, &made); !status.is_ok()) return status;
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
  return Status::ok();
}

Status TraceeTracker::add_new(std::span<const AddressRange> ranges) {
  for (const AddressRange& range : ranges) {
    if (Status status = new_.add(range); !status.is_ok()) return status;
  }
  return Status::ok();
}

Status TraceeTracker::set_regions(const RegionList& regions) {
  may_have_unmapped_ = true;
  captured_.clear();
  RegionReader reader(regions.bytes());
  for (Region region; reader.next(&region);) {
    if (region.path == "anon_inode:[io_uring]") {
      return Status::system(Error::tracee, "tracking the memory of a process with an io_uring, which writes unseen",
                            EOPNOTSUPP);
    }
    const RegionClass kind = classify(region);
    if (kind == RegionClass::left_out) continue;
    const Captured captured{{region.start, region.end}, kind == RegionClass::tracked, is_anonymous(region)};
    if (!captured_.append(captured)) return Status::no_memory(sizeof(captured));
    if (!is_tracking() || !captured.is_tracked) continue;
    if (Status status = register_captured(captured.range); !status.is_ok()) return status;
  }
  return Status::ok();
}

Status TraceeTracker::register_captured(const AddressRange& range) {
  GrowingArray<AddressRange> runs;
  registered_end_ = range.end;
  if (Status status = pagemap_.unregistered(range, &runs); !status.is_ok()) return status;
  for (const AddressRange& run : runs) {
    if (Status status = userfaultfd_.register_range(run); !status.is_ok()) return status;
    if (Status status = new_.add(run); !status.is_ok()) return status;
  }
  return Status::ok();
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
  GrowingArray<AddressRange> runs;
  const AddressRange all{0, registered_end_};
  if (Status status = pagemap_.written_if_registered(all, Protect::nothing, &runs); !status.is_ok()) return status;
  const Captured* region = captured_.begin();
  for (size_t next = 0; next < runs.size() && region < captured_.end(); ++region) {
    while (next < runs.size() && runs[next].end <= region->range.start) ++next;
    for (size_t i = next; i < runs.size() && runs[i].start < region->range.end; ++i) {
      if (!region->is_tracked) continue;
      const AddressRange run = intersection(runs[i], region->range);
      if (Status status = append_tracked(run, untracked, dirty); !status.is_ok()) return status;
    }
  }
  return Status::ok();
}

Status TraceeTracker::find_existing(const DirtyRange& dirty, GrowingArray<AddressRange>* runs) const {
  runs->clear();
  if (dirty.kind == DirtyRange::Kind::untracked) return pagemap_.present(dirty.range, runs);
  return runs->append(dirty.range) ? Status::ok() : Status::no_memory(sizeof(AddressRange));
}

Status TraceeTracker::mark_known() {
  if (is_tracking() && !new_.empty()) {
    for (const Captured& captured : captured_) {
      if (!captured.is_tracked) continue;
      for (const AddressRange& part : new_.overlapping(captured.range)) {
        Status status = userfaultfd_.write_protect(intersection(part, captured.range));
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

Status TraceeTracker::write_protect_cooled() {
  if (hot_pages_.have_many_cooled()) {
    GrowingArray<AddressRange> runs;
    hot_pages_.clear();
    return pagemap_.written_if_registered({0, registered_end_}, Protect::dirty, &runs);
  }
  return hot_pages_.protect_cooled([&](VirtualPage first, VirtualPage end) {
    return userfaultfd_.write_protect({first * page_size(), end * page_size()});
  });
}

}  // namespace pagestore

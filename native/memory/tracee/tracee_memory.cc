#include "memory/tracee/tracee_memory.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "linux/process_regions.h"
#include "system/phase_clock.h"

namespace pagestore {

namespace {

constexpr uint32_t kSteady = 3;
// Protecting a few pages one by one is cheaper than a scan that protects all that is dirty.
constexpr size_t kFewPages = 64;

Status no_memory(size_t bytes) {
  return Status::out_of_memory("realloc", bytes, ENOMEM);
}

}  // namespace

Status TraceeMemory::begin(const TrackerKind* wanted) {
  is_free_to_choose_ = wanted == nullptr;
  if (wanted != nullptr) wanted_ = *wanted;
  if (wanted_ == TrackerKind::soft_dirty) return Status::system(Error::tracker, "soft-dirty of a tracee", EOPNOTSUPP);
  return begin_program();
}

// Everything that belongs to an address space ends with it.
Status TraceeMemory::begin_program() {
  char path[40];
  snprintf(path, sizeof(path), "/proc/%d/statm", process_.pid());
  size_ = ScopedFd(open(path, O_RDONLY | O_CLOEXEC));
  if (!size_.is_open()) return process_refused(process_.pid(), "/proc/PID/statm", errno);
  if (Status status = Pagemap::open(process_.pid(), &pagemap_); !status.is_ok()) return status;
  userfaultfd_ = {};
  is_known_ = false;
  program_ = process_.program();
  fresh_ = {};
  steady_.clear();
  if (wanted_ == TrackerKind::none) return Status::ok();
  const Status status = take_userfaultfd();
  return status.error() == Error::tracker && is_free_to_choose_ ? Status::ok() : status;
}

// Made inside, where alone it can be made for that address space.
Status TraceeMemory::take_userfaultfd() {
  int64_t made = 0, closed = 0;
  if (Status status = process_.call({SYS_userfaultfd, {Userfaultfd::kFlags}}, &made); !status.is_ok()) return status;
  if (made < 0) return Status::system(Error::tracker, "userfaultfd in the process", static_cast<int>(-made));
  const ScopedFd process(static_cast<int>(syscall(SYS_pidfd_open, process_.pid(), 0)));
  ScopedFd taken(static_cast<int>(syscall(SYS_pidfd_getfd, process.get(), made, 0)));
  const int error_number = errno;
  if (Status status = process_.call({SYS_close, {static_cast<uint64_t>(made)}}, &closed); !status.is_ok()) {
    return status;
  }
  if (!process.is_open()) return Status::system(Error::tracker, "pidfd_open", error_number);
  if (!taken.is_open()) return Status::system(Error::tracker, "pidfd_getfd", error_number);
  Userfaultfd userfaultfd;
  if (Status status = Userfaultfd::from(std::move(taken), &userfaultfd); !status.is_ok()) return status;
  // Some kernels accept all of that and never note a write.
  if (!Tracker::is_supported(TrackerKind::write_protect)) {
    return Status::system(Error::tracker, "write-protection that notes writes", ENOSYS);
  }
  userfaultfd_ = std::move(userfaultfd);
  return Status::ok();
}

// A stack that has grown, which no call tells of.
bool TraceeMemory::has_other_size() {
  char text[32] = "";
  if (pread(size_.get(), text, sizeof(text) - 1, 0) <= 0) return true;
  const uint64_t pages = strtoull(text, nullptr, 10);
  if (pages == 0) return true;  // the first thread has ended, and tells nothing
  return std::exchange(mapped_pages_, pages) != pages;
}

Status TraceeMemory::read_mappings() {
  const InPhase phase(Phase::mappings);
  if (process_.program() != program_) {
    if (Status status = begin_program(); !status.is_ok()) return status;
  }
  if (!process_.has_run()) return Status::ok();
  for (const AddressRange& range : process_.advised()) {
    if (Status status = fresh_.add(range); !status.is_ok()) return status;
  }
  const bool has_other = has_other_size();
  if (!has_other && !process_.mappings_changed() && is_known_) return Status::ok();
  int64_t program_break = 0;
  if (Status status = process_.call({SYS_brk, {}}, &program_break); !status.is_ok()) return status;
  program_break_ = static_cast<uint64_t>(program_break);
  RegionList listed, merged;
  if (Status status = read_regions_of(process_.living(), &listed); !status.is_ok()) return status;
  if (Status status = merge_regions(listed, &merged); !status.is_ok()) return status;
  std::swap(regions_, merged);
  has_unmapped_ = true;
  return note_fresh();
}

// What is not watched yet is new, and so may be all that cannot be watched.
Status TraceeMemory::note_fresh() {
  GrowingArray<AddressRange> runs;
  RegionReader reader(regions_.bytes());
  Region region;
  while (reader.next(&region)) {
    if (region.path == "anon_inode:[io_uring]") {
      return Status::system(Error::tracee, "following an io_uring, which writes to memory unseen", EOPNOTSUPP);
    }
    const AddressRange range{region.start, region.end};
    const RegionCare care = care_for(region);
    if (care != RegionCare::tracked || !is_watching()) continue;
    watched_end_ = range.end;
    runs.clear();
    if (Status status = pagemap_.unregistered(range, &runs); !status.is_ok()) return status;
    for (const AddressRange& run : runs) {
      if (Status status = userfaultfd_.register_range(run); !status.is_ok()) return status;
      if (Status status = fresh_.add(run); !status.is_ok()) return status;
    }
  }
  return Status::ok();
}

Status TraceeMemory::find_work(GrowingArray<Work>* work) {
  RangeSet whole;
  if (Status status = add_regions(work, &whole); !status.is_ok()) return status;
  if (Status status = add_dirty(whole, work); !status.is_ok()) return status;
  std::sort(work->begin(), work->end(), [](const Work& a, const Work& b) { return a.range.start < b.range.start; });
  return Status::ok();
}

Status TraceeMemory::add_regions(GrowingArray<Work>* work, RangeSet* whole) {
  RegionReader reader(regions_.bytes());
  Region region;
  uint64_t before = 0;
  while (reader.next(&region)) {
    const RegionCare care = care_for(region);
    if (care == RegionCare::none) continue;
    const AddressRange range{region.start, region.end};
    if (has_unmapped_ && before < range.start && !work->append({{before, range.start}, Why::unmapped})) {
      return no_memory(sizeof(Work));
    }
    before = range.end;
    const bool is_all = !is_known_ || care != RegionCare::tracked || !is_watching();
    const std::span<const AddressRange> parts = is_all ? std::span(&range, 1) : fresh_.overlapping(range);
    for (const AddressRange& part : parts) {
      const AddressRange here{std::max(part.start, range.start), std::min(part.end, range.end)};
      if (!work->append({here, is_anonymous(region) ? Why::whole : Why::whole_file})) return no_memory(sizeof(Work));
      if (Status status = whole->add(here); !status.is_ok()) return status;
    }
  }
  const bool fits = !has_unmapped_ || work->append({{before, UINT64_MAX}, Why::unmapped});
  return fits ? Status::ok() : no_memory(sizeof(Work));
}

// One scan goes over everything: one for each region would cost more. So what is not watched shows, too, and
// is left out here.
Status TraceeMemory::add_dirty(const RangeSet& whole, GrowingArray<Work>* work) {
  if (!is_watching() || !is_known_ || !process_.has_run()) return Status::ok();
  const InPhase phase(Phase::scan);
  GrowingArray<AddressRange> runs;
  if (Status status = pagemap_.written_if_registered({0, watched_end_}, Protect::nothing, &runs); !status.is_ok())
    return status;
  RegionReader reader(regions_.bytes());
  Region region;
  size_t next = 0;
  while (next < runs.size() && reader.next(&region)) {
    while (next < runs.size() && runs[next].end <= region.start) ++next;
    for (size_t i = next; i < runs.size() && runs[i].start < region.end; ++i) {
      if (care_for(region) != RegionCare::tracked) continue;
      const AddressRange run{std::max(runs[i].start, region.start), std::min(runs[i].end, region.end)};
      if (Status status = add_unless_whole(run, whole, work); !status.is_ok()) return status;
    }
  }
  return Status::ok();
}

Status TraceeMemory::add_unless_whole(AddressRange run, const RangeSet& whole, GrowingArray<Work>* work) {
  for (const AddressRange& known : whole.overlapping(run)) {
    if (run.start < known.start && !work->append({{run.start, known.start}, Why::dirty})) {
      return no_memory(sizeof(Work));
    }
    run.start = std::min(known.end, run.end);
  }
  if (run.length() > 0 && !work->append({run, Why::dirty})) return no_memory(sizeof(Work));
  return Status::ok();
}

// Where there is something in a range of which nothing is known.
Status TraceeMemory::present_in(const Work& work, GrowingArray<AddressRange>* runs) const {
  runs->clear();
  if (work.why == Why::whole) return pagemap_.present(work.range, runs);
  return runs->append(work.range) ? Status::ok() : no_memory(sizeof(AddressRange));
}

Status TraceeMemory::mark_known() {
  // What was new is watched from now on; all of it at once where there is nothing else yet.
  if (is_watching()) {
    RegionReader reader(regions_.bytes());
    Region region;
    while (reader.next(&region)) {
      if (care_for(region) != RegionCare::tracked) continue;
      const AddressRange range{region.start, region.end};
      for (const AddressRange& part : fresh_.overlapping(range)) {
        const AddressRange here{std::max(part.start, range.start), std::min(part.end, range.end)};
        if (Status status = userfaultfd_.write_protect(here); !status.is_ok()) return status;
      }
    }
  }
  fresh_ = {};
  has_unmapped_ = false;
  is_known_ = true;
  process_.mark_known();
  return Status::ok();
}

Status TraceeMemory::protect_steady() {
  std::swap(steady_, looked_);
  const auto is_steady = [](const Steady& each) { return each.looks >= kSteady; };
  const auto count = static_cast<size_t>(std::count_if(steady_.begin(), steady_.end(), is_steady));
  if (count > kFewPages) {
    GrowingArray<AddressRange> runs;
    steady_.clear();
    return pagemap_.written_if_registered({0, watched_end_}, Protect::dirty, &runs);
  }
  for (const Steady& each : steady_) {
    if (!is_steady(each)) continue;
    if (Status status = userfaultfd_.write_protect({each.place * page_size(), (each.place + 1) * page_size()});
        !status.is_ok()) {
      return status;
    }
  }
  return Status::ok();
}

}  // namespace pagestore

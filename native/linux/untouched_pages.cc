#include "linux/untouched_pages.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "linux/kernel_mappings.h"
#include "linux/process_regions.h"
#include "system/old_glibc.h"
#include "system/page_size.h"

namespace pagestore {

namespace {

Status append(const AddressRange& range, bool is_in_file, GrowingArray<PageRun>* runs) {
  if (range.start >= range.end) return Status::ok();
  return runs->append({range, is_in_file}) ? Status::ok() : Status::no_memory((runs->size() + 1) * sizeof(PageRun));
}

constexpr size_t kMostPage = 64 << 10;

AddressRange clip(const AddressRange& part, const AddressRange& range) {
  return {std::max(part.start, range.start), std::min(part.end, range.end)};
}

Status append_part(const AddressRange& part, const AddressRange& range, GrowingArray<AddressRange>* existing) {
  return existing->append(clip(part, range)) ? Status::ok() : Status::no_memory(sizeof(part));
}

// Whether a process without privileges can serve faults that we cause: else the kernel refuses them instead.
bool may_serve_others() {
  static const bool may = [] {
    const ScopedFd file(open("/proc/sys/vm/unprivileged_userfaultfd", O_RDONLY | O_CLOEXEC));
    char text = '1';
    const bool is_known = file.is_open() && read(file.get(), &text, 1) == 1;
    return !is_known || text != '0' || access("/dev/userfaultfd", R_OK) == 0;
  }();
  return may;
}

}  // namespace

bool contains(std::span<const PageRun> runs, uint64_t address) {
  const auto run = std::upper_bound(runs.begin(), runs.end(), address,
                                    [](uint64_t at, const PageRun& each) { return at < each.range.end; });
  return run != runs.end() && run->range.start <= address;
}

// Ranges come in rising order, as a rule: the list is not gone over once more for each.
Status UntouchedPages::find(const RegionList& listed, const AddressRange& range, GrowingArray<PageRun>* runs) {
  const std::span<const std::byte> bytes = listed.bytes();
  const auto advance = [this] {
    passed_ = listed_.end;
    has_listed_ = rest_.next(&listed_);
  };
  const bool is_same = bytes.data() == list_.data() && bytes.size() == list_.size();
  if (!is_same || range.start < passed_) {
    list_ = bytes;
    rest_ = RegionReader(bytes);
    passed_ = 0;
    has_listed_ = rest_.next(&listed_);
  }
  while (has_listed_ && listed_.end <= range.start) advance();
  while (has_listed_ && listed_.start < range.end) {
    if (Status status = find(listed_, clip({listed_.start, listed_.end}, range), runs); !status.is_ok()) return status;
    if (listed_.end >= range.end) break;
    advance();
  }
  return Status::ok();
}

Status UntouchedPages::find(const Region& mapping, const AddressRange& range, GrowingArray<PageRun>* runs) {
  GrowingArray<AddressRange> existing;
  if (Status status = pagemap_.present(range, &existing); !status.is_ok()) return status;
  uint64_t next = range.start;
  descriptor_ = -1;
  for (const AddressRange& run : existing) {
    if (Status status = add_missing(mapping, {next, run.start}, runs); !status.is_ok()) return status;
    if (Status status = append(run, false, runs); !status.is_ok()) return status;
    next = run.end;
  }
  return add_missing(mapping, {next, range.end}, runs);
}

Status UntouchedPages::add_missing(const Region& mapping, const AddressRange& range, GrowingArray<PageRun>* runs) {
  if (range.start >= range.end || is_zero_filled(mapping)) return Status::ok();
  if (descriptor_ < 0) {
    descriptor_ = file_.find(mapping);
    start_ = mapping.start;
    offset_ = mapping.offset;
  }
  if (descriptor_ >= 0) return add_data(mapping, range, runs);
  // By another path than /dev/zero, as in a container.
  if (file_.kind() == MappingFile::Kind::zeroes && mapping.permissions[3] != 's') return Status::ok();
  bool is_served = false;
  if (Status status = this->is_served(mapping, &is_served); !status.is_ok()) return status;
  return is_served ? Status::ok() : append(range, false, runs);
}

// What lies in no hole.
Status UntouchedPages::add_data(const Region& mapping, const AddressRange& range, GrowingArray<PageRun>* runs) {
  const auto address_of = [&](off_t offset) { return static_cast<uint64_t>(offset) - mapping.offset + mapping.start; };
  for (uint64_t at = range.start; at < range.end;) {
    const auto offset = static_cast<off_t>(at - mapping.start + mapping.offset);
    const off_t data = lseek(descriptor_, offset, SEEK_DATA);
    if (data < 0 && errno == ENXIO) return Status::ok();
    const off_t hole = data < 0 ? data : lseek(descriptor_, data, SEEK_HOLE);
    // A file system may know nothing of holes.
    if (hole < 0) return append({at, range.end}, file_.kind() == MappingFile::Kind::memory, runs);
    const uint64_t start = std::max(at, address_of(data) / page_size() * page_size());
    const uint64_t end = std::min(range.end, round_up(address_of(hole), page_size()));
    if (start >= range.end) return Status::ok();
    if (Status status = append({start, end}, file_.kind() == MappingFile::Kind::memory, runs); !status.is_ok())
      return status;
    at = std::max(end, at + page_size());
  }
  return Status::ok();
}

Status UntouchedPages::fill(uint64_t address, std::span<std::byte> bytes, GrowingArray<AddressRange>* existing) {
  AddressRange range;
  if (bytes.empty()) return Status::ok();
  if (Status status = range_of(address, bytes.size(), &range); !status.is_ok()) return status;
  const AddressRange pages{range.start / page_size() * page_size(), round_up(range.end, page_size())};
  if (pages.end < range.end) return Status::refused(Error::address, address, 0);
  GrowingArray<AddressRange> present;
  const Status scanned = pagemap_.present(pages, &present);
  // The kernel does not look where no process can have memory.
  if (scanned.error_number() == EFAULT) return Status::refused(Error::address, address, 0);
  if (!scanned.is_ok()) return scanned;
  if (present.size() == 1 && present[0] == pages) {
    return existing->append(range) ? Status::ok() : Status::no_memory(sizeof(range));
  }
  RegionList regions;
  if (Status status = read_regions_of(pid_, &regions); !status.is_ok()) return status;
  uint64_t next = pages.start;
  const AddressRange* run = present.begin();
  RegionReader reader(regions.bytes());
  for (Region mapping; next < pages.end && reader.next(&mapping);) {
    if (mapping.end <= next) continue;
    if (mapping.start > next) break;
    while (next < std::min(mapping.end, pages.end)) {
      while (run < present.end() && run->end <= next) ++run;
      const bool exists = run < present.end() && run->start <= next;
      const uint64_t edge = run == present.end() ? pages.end : exists ? run->end : run->start;
      const AddressRange part{next, std::min({edge, mapping.end, pages.end})};
      Status status =
          exists ? append_part(part, range, existing) : fill_missing(mapping, part, {range, bytes}, existing);
      if (!status.is_ok()) return status;
      next = part.end;
    }
  }
  return next < pages.end ? Status::refused(Error::address, std::max(next, address), 0) : Status::ok();
}

Status UntouchedPages::fill_missing(const Region& mapping, const AddressRange& gap, const Wanted& wanted,
                                    GrowingArray<AddressRange>* existing) {
  GrowingArray<AddressRange> guards;
  GrowingArray<PageRun> runs;
  if (is_lent(mapping) || mapping.permissions[0] != 'r') return append_part(gap, wanted.range, existing);
  const Status status = pagemap_.guards(gap, &guards);
  if (status.is_ok() && !guards.empty()) return Status::refused(Error::address, guards[0].start, 0);
  if (Status found = find(mapping, gap, &runs); !found.is_ok()) return found;
  const uint64_t end = end_of_file(gap.end);
  if (end < gap.end) return Status::refused(Error::address, std::max(end, gap.start), 0);
  const AddressRange zeroes = clip(gap, wanted.range);
  memset(wanted.at(zeroes.start), 0, zeroes.length());
  for (const PageRun& run : runs) {
    if (!run.is_in_file) {
      if (Status added = append_part(run.range, wanted.range, existing); !added.is_ok()) return added;
      continue;
    }
    for (uint64_t at = run.range.start; at < run.range.end; at += page_size()) {
      alignas(64) std::byte page[kMostPage];
      const AddressRange part = clip({at, at + page_size()}, wanted.range);
      if (!read_from_file(at, page)) return Status::refused(Error::address, at, 0);
      memcpy(wanted.at(part.start), page + (part.start - at), part.length());
    }
  }
  return Status::ok();
}

// Memory of the kernel's or of a device, in which nothing is made to exist by being read.
bool UntouchedPages::is_lent(const Region& mapping) {
  if (is_kernel_mapping(mapping)) return true;
  if (is_zero_filled(mapping)) return false;
  file_.find(mapping);
  if (file_.kind() != MappingFile::Kind::unknown) return file_.kind() == MappingFile::Kind::device;
  const std::string_view path = mapping.path;
  return path.starts_with("/dev/") && !path.starts_with("/dev/shm/") && !path.starts_with("/dev/zero");
}

// Where the file behind the mapping at hand ends, at least up to `most`: there is nothing behind its last page.
uint64_t UntouchedPages::end_of_file(uint64_t most) const {
  struct stat status;
  if (descriptor_ < 0 || read_file_status(descriptor_, &status) != 0) return most;
  const uint64_t end = round_up(static_cast<uint64_t>(status.st_size), page_size());
  return end <= offset_ ? start_ : std::min(most, end - offset_ + start_);
}

Status UntouchedPages::is_served(const Region& mapping, bool* is_served) {
  *is_served = false;
  if (!may_serve_others()) return Status::ok();
  if (!knows_served_) {
    RegionList regions;
    if (Status status = read_flagged_regions_of(pid_, &regions); !status.is_ok()) return status;
    RegionReader reader(regions.bytes());
    for (Region region; reader.next(&region);) {
      if (!region.is_served) continue;
      if (Status status = served_.add({region.start, region.end}); !status.is_ok()) return status;
    }
    knows_served_ = true;
  }
  *is_served = !served_.overlapping({mapping.start, mapping.end}).empty();
  return Status::ok();
}

bool UntouchedPages::read_from_file(uint64_t address, std::byte* page) const {
  const auto offset = static_cast<off_t>(address - start_ + offset_);
  ssize_t got;
  do {
    got = pread(descriptor_, page, page_size(), offset);
  } while (got < 0 && errno == EINTR);
  if (got <= 0) return false;
  memset(page + got, 0, page_size() - static_cast<size_t>(got));
  return true;
}

}  // namespace pagestore

#include "memory/tracee/closed_memory.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "linux/remote_pages.h"
#include "memory/tracee/closed_memory_access.h"
#include "snapshot/page_table.h"
#include "store/page_copy.h"
#include "system/mapping.h"
#include "system/page_size.h"

namespace pagestore {

namespace {

constexpr size_t kMost = RemotePages::kMost;

// Pages of the tracee that are not what a tree says, some at a time.
struct Different {
  VirtualPage numbers[kMost];
  const std::byte* wanted[kMost];
  bool has_page[kMost];  // else zeroes
  size_t count = 0;

  void add(VirtualPage number, Child child, const std::byte* bytes) {
    numbers[count] = number;
    has_page[count] = child != Child::absent;
    wanted[count++] = bytes;
  }
};

const std::byte* bytes_of(PageStores& stores, Child child) {
  static const std::byte zeroes[64 << 10] = {};
  return child == Child::absent ? zeroes : stores.pages.bytes(number_of(child));
}

bool is_same_memory(const Region& a, const Region& b) {
  return a.file.inode != 0 && a.file == b.file;
}

// Whether the list has all of the region once more, where it may be written: then that is put back there.
bool is_written_elsewhere(std::span<const std::byte> list, const Region& region) {
  RegionReader reader(list);
  for (Region each; reader.next(&each);) {
    const bool is_open = each.permissions[3] == 's' && each.permissions[1] == 'w' && each.is_captured;
    const bool has_all = each.offset <= region.offset &&
                         region.offset - each.offset + (region.end - region.start) <= each.end - each.start;
    if (is_open && has_all && is_same_memory(each, region)) return true;
  }
  return false;
}

}  // namespace

// Calls `visit` until it fails. A page that cannot be read counts unless it is to be zero: it lies past the end of a
// file, which is put back by then.
template <typename Visit>
Status ClosedMemory::find_different(PageStores& stores, const PageTree& target, const AddressRange& range,
                                    Visit visit) const {
  const RemotePages remote(process_.live_thread(), process_.memory().get());
  const Mapping scratch = Mapping::anonymous(kMost * page_size());
  if (!scratch.is_mapped()) return Status::out_of_memory("mmap", kMost * page_size(), errno);
  TreeReader wanted(stores, target);
  Pagemap pagemap;
  if (Status status = Pagemap::open(process_.live_thread(), &pagemap); !status.is_ok()) return status;
  UntouchedPages untouched(process_.live_thread(), pagemap, identities_);
  GrowingArray<PageRun> runs;
  if (Status status = untouched.find(mappings_.listed(), range, &runs); !status.is_ok()) return status;
  for (const auto& [run, is_in_file] : runs) {
    const VirtualPage end = run.end / page_size();
    for (VirtualPage at = run.start / page_size(); at < end; at += kMost) {
      const auto count = static_cast<size_t>(std::min<VirtualPage>(kMost, end - at));
      VirtualPage numbers[kMost];
      std::byte* pages[kMost];
      bool reached[kMost];
      for (size_t i = 0; i < count; ++i) {
        numbers[i] = at + i;
        pages[i] = scratch.data() + i * page_size();
        if (is_in_file) reached[i] = untouched.read_from_file(numbers[i] * page_size(), pages[i]);
      }
      Status status = is_in_file ? Status::ok() : remote.read({numbers, count}, pages, reached);
      Different different;
      for (size_t i = 0; status.is_ok() && i < count; ++i) {
        Child child;
        if (status = wanted.page_at(numbers[i], &child); !status.is_ok()) break;
        const std::byte* bytes = bytes_of(stores, child);
        if (reached[i] ? pages_equal(pages[i], bytes, page_size()) : child == Child::absent) continue;
        different.add(numbers[i], child, bytes);
      }
      if (status.is_ok() && different.count > 0) status = visit(different);
      if (!status.is_ok()) return status;
    }
  }
  return find_missing(stores, target, range, {runs.data(), runs.size()}, visit);
}

// What does not exist is zero.
template <typename Visit>
Status ClosedMemory::find_missing(PageStores& stores, const PageTree& target, const AddressRange& range,
                                  std::span<const PageRun> existing, Visit visit) const {
  Different different;
  const VirtualPage first = range.start / page_size(), last = range.end / page_size() - 1;
  const auto add = [&](VirtualPage page, Child, Child child) {
    if (contains(existing, page * page_size())) return Status::ok();
    different.add(page, child, bytes_of(stores, child));
    if (different.count < kMost) return Status::ok();
    Status status = visit(different);
    different.count = 0;
    return status;
  };
  Status status = PageTables(stores).differences({}, target, first, last, add);
  return status.is_ok() && different.count > 0 ? visit(different) : status;
}

// What is mapped anew is as the path leads to it, or new memory.
Status ClosedMemory::check(PageStores& stores, const PageTree& target, const Mappings& now, const Mappings& wanted,
                           bool* has_all) const {
  RangeSet closed;
  *has_all = false;
  if (Status status = find_closed(wanted.regions, &closed); !status.is_ok() || closed.empty()) return status;
  GrowingArray<MappingChange> changes;
  RangeSet renewed;
  if (Status status = plan_changes(now.regions, wanted.regions, &changes); !status.is_ok()) return status;
  for (const MappingChange& change : changes) {
    if (change.kind != MappingChange::Kind::map) continue;
    if (Status status = renewed.add(change.range); !status.is_ok()) return status;
  }
  bool is_different = !changes.empty(), is_elsewhere = false;
  RegionReader wanted_reader(wanted.regions);
  for (Region region; wanted_reader.next(&region);) {
    if (!is_closed(region)) continue;
    if (is_written_elsewhere(wanted.regions, region)) {
      is_elsewhere = true;
      continue;
    }
    RegionReader reader(now.regions);
    for (Region part; reader.next(&part);) {
      const AddressRange here{std::max(part.start, region.start), std::min(part.end, region.end)};
      if (here.start >= here.end || !is_closed(part) || !renewed.overlapping(here).empty()) continue;
      part.offset += here.start - part.start;
      part.start = here.start;
      part.end = here.end;
      bool differs = false;
      if (Status status = check_part(stores, target, part, &differs); !status.is_ok()) return status;
      is_different = is_different || differs;
    }
  }
  *has_all = !is_different && !is_elsewhere;
  return Status::ok();
}

Status ClosedMemory::check_part(PageStores& stores, const PageTree& target, const Region& part,
                                bool* is_different) const {
  const AddressRange range{part.start, part.end};
  Status status = find_different(stores, target, range, [&](const Different&) {
    *is_different = true;
    return Status::mapping(part.start, EACCES);
  });
  if (!*is_different) return status;
  ClosedMemoryAccess access(process_, duplicates_, part);
  if (status = access.open(); !status.is_ok()) return status;
  return access.close();
}

Status ClosedMemory::write(PageStores& stores, const PageTree& target, const Mappings& now) const {
  RegionReader reader(now.regions);
  for (Region region; reader.next(&region);) {
    if (!is_closed(region)) continue;
    if (Status status = write_region(stores, target, region); !status.is_ok()) return status;
  }
  return Status::ok();
}

Status ClosedMemory::write_region(PageStores& stores, const PageTree& target, const Region& region) const {
  ClosedMemoryAccess access(process_, duplicates_, region);
  const Status status = find_different(stores, target, {region.start, region.end}, [&](const Different& different) {
    if (!access.is_open()) {
      if (Status opened = access.open(); !opened.is_ok()) return opened;
    }
    bool reached[kMost];
    Status written = access.write({different.numbers, different.count}, different.wanted, reached);
    for (size_t i = 0; written.is_ok() && i < different.count; ++i) {
      // Where there is no memory, nothing need be zero.
      if (!reached[i] && different.has_page[i]) {
        written = Status::mapping(different.numbers[i] * page_size(), EFAULT);
      }
    }
    return written;
  });
  const Status closed = access.is_open() ? access.close() : Status::ok();
  return status.is_ok() ? closed : status;
}

}  // namespace pagestore

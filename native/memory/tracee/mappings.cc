#include "memory/tracee/mappings.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "linux/process_regions.h"

namespace pagestore {

namespace {

// Watching a mapping takes page tables for all of it, used or not: an address sanitizer's shadow would take
// all memory there is.
constexpr uint64_t kTooLargeToWatch = uint64_t{16} << 30;

bool is_shared(const Region& region) {
  return region.permissions[3] == 's';
}

// Shared memory that no file on a disk lies behind.
bool is_memory_of_nobody(std::string_view path) {
  return path.starts_with("/dev/zero") || path.starts_with("/dev/shm/") || path.starts_with("/memfd:") ||
         path.starts_with("/SYSV");
}

// Made anew it is another memory, so all of it is.
bool is_made_as_a_whole(const Region& region) {
  return is_shared(region) && region.path.starts_with("/dev/zero");
}

bool same_kind(const Region& a, const Region& b) {
  // A file that was renamed or deleted is still the same, and another one of its name is not.
  const bool is_same_file = a.file == b.file && (a.file.inode != 0 || a.path == b.path);
  return is_shared(a) == is_shared(b) && is_same_file;
}

bool same_permissions(const Region& a, const Region& b) {
  return memcmp(a.permissions, b.permissions, sizeof(a.permissions)) == 0;
}

// Whether `b` shows, from its start on, what would follow `a` in the same mapping.
bool continues(const Region& a, const Region& b) {
  return is_anonymous(a) || b.offset - a.offset == b.start - a.start;
}

// The part of a region.
Region cut(const Region& region, const AddressRange& range) {
  Region part = region;
  part.start = range.start;
  part.end = range.end;
  if (!is_anonymous(region)) part.offset += range.start - region.start;
  return part;
}

// Steps through a list, address by address.
class Cursor {
 public:
  explicit Cursor(std::span<const std::byte> list) : reader_(list) { advance(); }

  // The region that `address` lies in, or null; addresses come in rising order.
  const Region* at(uint64_t address) {
    while (has_region_ && region_.end <= address) advance();
    return has_region_ && region_.start <= address ? &region_ : nullptr;
  }
  // The next address above at which something begins or ends.
  uint64_t next_edge(uint64_t address) {
    const Region* here = at(address);
    return here != nullptr ? here->end : has_region_ ? region_.start : UINT64_MAX;
  }

 private:
  void advance() { has_region_ = reader_.next(&region_); }

  RegionReader reader_;
  Region region_;
  bool has_region_ = false;
};

constexpr std::string_view kHeap = "[heap]", kStack = "[stack]";

}  // namespace

RegionCare care_for(const Region& region) {
  if (region.path.starts_with("[v") || region.path.starts_with("[uprobes") || region.path.starts_with("[sigpage")) {
    return RegionCare::none;
  }
  if (is_shared(region)) {
    return is_memory_of_nobody(region.path) ? RegionCare::looked : RegionCare::none;
  }
  if (region.path.starts_with("/dev/") && !is_memory_of_nobody(region.path)) return RegionCare::none;
  if (region.path.starts_with("anon_inode:")) return RegionCare::none;
  if (memcmp(region.permissions, "---", 3) == 0) return RegionCare::looked;
  return region.end - region.start < kTooLargeToWatch ? RegionCare::tracked : RegionCare::looked;
}

Status merge_regions(const RegionList& from, RegionList* to) {
  RegionReader reader(from.bytes());
  Region region, open{};
  bool has_open = false;
  Status status = Status::ok();
  while (reader.next(&region) && status.is_ok()) {
    // A name that a program gave, where the kernel shows it, changes nothing.
    if (region.path.starts_with("[anon")) region.path = {};
    if (region.path.empty() || region.path.starts_with('[')) region.offset = 0;
    // Shared memory without a name is another file each time that it is made.
    if (is_anonymous(region) || is_made_as_a_whole(region)) region.file = {};
    region.is_captured = care_for(region) != RegionCare::none;
    const bool joins = has_open && open.end == region.start && same_kind(open, region) &&
                       same_permissions(open, region) && continues(open, region);
    if (joins) {
      open.end = region.end;
      continue;
    }
    if (has_open) status = to->add(open);
    open = region;
    has_open = true;
  }
  if (has_open && status.is_ok()) status = to->add(open);
  return status;
}

Status plan_changes(std::span<const std::byte> now, std::span<const std::byte> wanted, bool moves_break,
                    GrowingArray<MappingChange>* changes) {
  using Kind = MappingChange::Kind;
  Cursor left(now), right(wanted);
  for (uint64_t at = 0; at != UINT64_MAX;) {
    const Region *is = left.at(at), *should = right.at(at);
    const AddressRange range{at, std::min(left.next_edge(at), right.next_edge(at))};
    at = range.end;
    if (is == nullptr && should == nullptr) continue;
    const bool is_heap = is != nullptr && is->path == kHeap, becomes_heap = should != nullptr && should->path == kHeap;
    // Setting the break maps and unmaps what it passes, if nothing else is in its way.
    if (moves_break && (is == nullptr || is_heap) && (should == nullptr || becomes_heap) &&
        (!is_heap || !becomes_heap)) {
      continue;
    }
    MappingChange change{};
    change.range = range;
    if (should != nullptr) change.region = cut(*should, range);
    if (should == nullptr || (moves_break && becomes_heap && !is_heap)) {
      change.kind = Kind::unmap;
    } else if (is == nullptr) {
      change.kind = should->path == kStack ? Kind::grow_stack : Kind::map;
    } else if (!same_kind(*is, *should) || cut(*is, range).offset != change.region.offset) {
      change.kind = Kind::map;
    } else if (!same_permissions(*is, *should)) {
      change.kind = Kind::protect;
    } else {
      continue;
    }
    if (change.kind == Kind::map && is_made_as_a_whole(*should)) {
      change.region = *should;
      change.range = {should->start, should->end};
      while (!changes->empty() && (*changes)[changes->size() - 1].range.start >= should->start) {
        static_cast<void>(changes->resize(changes->size() - 1));
      }
      at = should->end;
    }
    MappingChange* last = changes->empty() ? nullptr : &(*changes)[changes->size() - 1];
    const bool joins =
        last != nullptr && change.kind == Kind::unmap && last->kind == Kind::unmap && last->range.end == range.start;
    if (joins) {
      last->range.end = range.end;
    } else if (!changes->append(change)) {
      return Status::out_of_memory("realloc", sizeof(change), ENOMEM);
    }
  }
  return Status::ok();
}

uint64_t first_difference(std::span<const std::byte> a, std::span<const std::byte> b) {
  Cursor left(a), right(b);
  uint64_t at = 0;
  for (; at != UINT64_MAX; at = std::min(left.next_edge(at), right.next_edge(at))) {
    const Region *one = left.at(at), *other = right.at(at);
    if (one == nullptr && other == nullptr) continue;
    if (one == nullptr || other == nullptr || !same_kind(*one, *other) || !same_permissions(*one, *other)) return at;
    const AddressRange here{at, at};
    if (cut(*one, here).offset != cut(*other, here).offset) return at;
  }
  return at;
}

}  // namespace pagestore

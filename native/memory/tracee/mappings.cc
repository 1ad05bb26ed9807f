#include "memory/tracee/mappings.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "linux/kernel_mappings.h"
#include "linux/process_regions.h"
#include "system/page_size.h"

namespace pagestore {

namespace {

// To write-protect a page that does not exist takes a part of a page table: for the shadow of an address sanitizer that
// would be all memory there is, and of what nobody may read as much as it is large.
constexpr uint64_t kTooLarge = uint64_t{16} << 30, kTooLargeUnread = uint64_t{2} << 20;

bool is_shared(const Region& region) {
  return region.permissions[3] == 's';
}

// A device, whose memory is its own.
bool is_device(std::string_view path) {
  return path.starts_with("/dev/") && !path.starts_with("/dev/zero") && !path.starts_with("/dev/shm/");
}

bool is_kernels(const Region& region) {
  return is_kernel_mapping(region) || region.path.starts_with("anon_inode:");
}

constexpr std::string_view kUnnamedShared = "/dev/zero (deleted)";

// Shared memory without a name: mapped anew it is another memory, so all of it has to be.
bool is_made_as_a_whole(const Region& region) {
  return is_shared(region) && region.path.starts_with("/dev/zero");
}

// The device of shared memory that another place of the process has, too; the inode is that place.
constexpr uint64_t kTwice = UINT64_MAX;

// Memory of the process alone, without a file; its name is no difference.
bool is_private_anonymous(const Region& region) {
  return is_anonymous(region) && !is_shared(region) && !is_kernel_mapping(region);
}

bool same_kind(const Region& a, const Region& b) {
  if (is_private_anonymous(a) && is_private_anonymous(b)) return a.grows_down == b.grows_down;
  // A file that was renamed or deleted is still the same, and another one of its name is not.
  const bool is_same_file = a.file == b.file && (a.file.inode != 0 || a.path == b.path);
  return is_shared(a) == is_shared(b) && is_same_file;
}

bool same_permissions(const Region& a, const Region& b) {
  return memcmp(a.permissions, b.permissions, sizeof(a.permissions)) == 0;
}

// Whether `b` begins with what would follow `a` in the same mapping.
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

// Steps through a list from one address to the next.
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

bool is_stack(const Region& region) {
  return region.path == kStack;
}

}  // namespace

RegionClass classify(const Region& region) {
  if (is_kernels(region) || is_device(region.path) || region.is_guard) return RegionClass::left_out;
  if (is_shared(region)) return region.is_captured ? RegionClass::compared : RegionClass::left_out;
  if (!is_anonymous(region)) return RegionClass::sparse;
  const bool is_unread = memcmp(region.permissions, "---", 3) == 0;
  const uint64_t most = is_unread ? kTooLargeUnread : kTooLarge;
  return region.end - region.start < most ? RegionClass::tracked : RegionClass::sparse;
}

bool is_closed(const Region& region) {
  return is_shared(region) && region.permissions[1] != 'w' && region.is_captured;
}

Status find_closed(std::span<const std::byte> regions, RangeSet* closed) {
  RegionReader reader(regions);
  for (Region region; reader.next(&region);) {
    if (!is_closed(region)) continue;
    if (Status status = closed->add({region.start, region.end}); !status.is_ok()) return status;
  }
  return Status::ok();
}

bool is_mapped_twice(const Region& region) {
  return region.file.device == kTwice;
}

NamedMemory named_memory(const ProgramLayout& layout, uint64_t program_break) {
  const uint64_t heap_end = round_up(program_break, page_size());
  return {{std::min(layout.heap_start, heap_end), heap_end}, layout.stack_start};
}

namespace {

// The canonical list as it grows.
class MergedList {
 public:
  MergedList(const NamedMemory& named, const MemoryFiles& memory_files, RegionList* list)
      : named_(named), memory_files_(memory_files), list_(list) {}

  Status add(Region region) {
    region.is_served = region.reports_writes = false;  // seldom known
    region.is_sealed = region.is_sealed && !is_kernels(region);
    if (is_shared(region)) region.is_captured = memory_files_.contains(region);
    // Shared memory without a name is another file each time that it is mapped, and some kernels show a name that the
    // program gave it.
    if (is_shared(region) && region.path.starts_with("[anon_shmem:")) region.path = kUnnamedShared;
    if (region.path.starts_with('[')) region.offset = 0;
    if (is_made_as_a_whole(region)) {
      if (Status status = name_memory(&region); !status.is_ok()) return status;
    }
    if (is_anonymous(region)) region.file = {};
    region.is_captured = classify(region) != RegionClass::left_out;
    if (!is_private_anonymous(region)) {
      if (region.path.starts_with("[anon")) region.path = {};
      return join(region);
    }
    region.offset = 0;
    const uint64_t start = region.start, end = region.end;
    if (named_.stack_start != 0 && start <= named_.stack_start && named_.stack_start < end) {
      region.grows_down = true;
      return add_part(region, {start, end}, kStack);
    }
    const auto clamp = [&](uint64_t address) { return std::clamp(address, start, end); };
    const uint64_t heap_start = clamp(named_.heap.start), heap_end = clamp(named_.heap.end);
    Status status = add_part(region, {start, heap_start}, {});
    if (status.is_ok()) status = add_part(region, {heap_start, heap_end}, kHeap);
    if (status.is_ok()) status = add_part(region, {heap_end, end}, {});
    return status;
  }

  Status finish() {
    if (!has_open_) return Status::ok();
    has_open_ = false;
    return list_->add(open_);
  }

 private:
  Status add_part(Region region, const AddressRange& range, std::string_view path) {
    if (range.start == range.end) return Status::ok();
    region.start = range.start;
    region.end = range.end;
    region.path = path;
    return join(region);
  }
  Status join(const Region& region) {
    // What grows down beside the first stack is a part of it, that some call about a part has set apart. Whatever else
    // lies there is none, even if it looks the same.
    const bool is_of_stack = open_.grows_down && region.grows_down && (is_stack(open_) || is_stack(region));
    const bool joins = has_open_ && open_.end == region.start && open_.is_sealed == region.is_sealed &&
                       (open_.path == region.path || is_of_stack) && same_kind(open_, region) &&
                       same_permissions(open_, region) && continues(open_, region);
    if (joins) {
      open_.end = region.end;
      if (is_of_stack) open_.path = kStack;
      return Status::ok();
    }
    const Status status = finish();
    open_ = region;
    has_open_ = true;
    return status;
  }

  // The kernel numbers such memory, in another run otherwise. What counts is whether it is mapped in two places, and
  // not in one that has holes: it is called by the first of them in the second.
  Status name_memory(Region* region) {
    const FileIdentity memory = std::exchange(region->file, {});
    const uint64_t begins = region->start - region->offset;
    for (const FirstMapping& each : first_mappings_) {
      if (each.memory != memory) continue;
      if (each.begins != begins) region->file = {kTwice, each.begins};
      return Status::ok();
    }
    return first_mappings_.append({memory, begins}) ? Status::ok() : Status::no_memory(sizeof(FirstMapping));
  }

  struct FirstMapping {
    FileIdentity memory;
    uint64_t begins;
  };

  const NamedMemory& named_;
  const MemoryFiles& memory_files_;
  GrowingArray<FirstMapping> first_mappings_;  // where shared memory without a name is
  RegionList* list_;
  Region open_{};
  bool has_open_ = false;
};

}  // namespace

Status merge_regions(const RegionList& from, const NamedMemory& named, const MemoryFiles& memory_files,
                     RegionList* to) {
  MergedList merged(named, memory_files, to);
  RegionReader reader(from.bytes());
  for (Region region; reader.next(&region);) {
    if (Status status = merged.add(region); !status.is_ok()) return status;
  }
  return merged.finish();
}

namespace {

// Each region that is parted; `mark` says what the pages are.
template <typename Mark>
Status part(const RegionList& from, std::span<const AddressRange> pages, Mark mark, RegionList* to) {
  RegionReader reader(from.bytes());
  for (Region region; reader.next(&region);) {
    uint64_t next = region.start;
    while (!pages.empty() && pages[0].end <= region.start) pages = pages.subspan(1);
    for (const AddressRange& each : pages) {
      if (each.start >= region.end) break;
      Region part = cut(region, {std::max(each.start, next), std::min(each.end, region.end)});
      mark(part);
      Status status = next < part.start ? to->add(cut(region, {next, part.start})) : Status::ok();
      if (status.is_ok()) status = to->add(part);
      if (!status.is_ok()) return status;
      next = part.end;
    }
    if (next == region.end) continue;
    if (Status status = to->add(cut(region, {next, region.end})); !status.is_ok()) return status;
  }
  return Status::ok();
}

}  // namespace

Status part_guards(const RegionList& from, std::span<const AddressRange> guards, RegionList* to) {
  const auto mark = [](Region& region) {
    region.is_guard = true;
    region.is_captured = false;
  };
  return part(from, guards, mark, to);
}

Status part_missing(const RegionList& from, std::span<const AddressRange> missing, RegionList* to) {
  return part(
      from, missing, [](Region& region) { region.is_missing = !region.is_guard; }, to);
}

Status replace_mappings(std::span<const std::byte> list, const AddressRange& range, const Region* region,
                        RegionList* to) {
  RegionReader reader(list);
  Region each;
  Status status = Status::ok();
  while (status.is_ok() && reader.next(&each)) {
    if (region != nullptr && each.end > range.start) {
      if (each.start < range.start) status = to->add(cut(each, {each.start, range.start}));
      if (status.is_ok()) status = to->add(*region);
      region = nullptr;
    } else if (each.start < range.start) {
      status = to->add(cut(each, {each.start, std::min(each.end, range.start)}));
    }
    if (status.is_ok() && each.end > range.end)
      status = to->add(cut(each, {std::max(each.start, range.end), each.end}));
  }
  return status.is_ok() && region != nullptr ? to->add(*region) : status;
}

bool has_mapping(std::span<const std::byte> list, const AddressRange& range) {
  RegionReader reader(list);
  for (Region region; reader.next(&region);) {
    if (region.start < range.end && range.start < region.end) return true;
  }
  return false;
}

namespace {

// A plan as it grows, from low addresses to high ones.
class Plan {
 public:
  explicit Plan(GrowingArray<MappingChange>* changes) : changes_(changes) {}

  // Neighbours that are unmapped are one change.
  Status add(const MappingChange& change) {
    MappingChange* last = changes_->empty() ? nullptr : &(*changes_)[changes_->size() - 1];
    const bool joins = last != nullptr && change.kind == Kind::unmap && last->kind == Kind::unmap &&
                       last->range.end == change.range.start;
    if (joins) last->range.end = change.range.end;
    return joins || changes_->append(change) ? Status::ok() : Status::no_memory(sizeof(change));
  }

  // All of the region is mapped anew, whatever was planned for parts of it.
  Status add_whole(const Region& region) {
    while (!changes_->empty() && (*changes_)[changes_->size() - 1].range.start >= region.start) {
      static_cast<void>(changes_->resize(changes_->size() - 1));
    }
    return add({Kind::map, {region.start, region.end}, region});
  }

 private:
  using Kind = MappingChange::Kind;
  GrowingArray<MappingChange>* changes_;
};

// What is to happen in a range that lies in `is` or outside of all mappings now, and in `wanted` or outside of all.
std::optional<MappingChange::Kind> change_of(const Region* is, const Region* wanted, const AddressRange& range) {
  using Kind = MappingChange::Kind;
  if (is == nullptr && wanted == nullptr) return {};
  if (wanted == nullptr) return is->is_sealed ? Kind::unseal : Kind::unmap;
  const bool is_other =
      is == nullptr || !same_kind(*is, *wanted) || cut(*is, range).offset != cut(*wanted, range).offset;
  const bool is_same = !is_other && same_permissions(*is, *wanted);
  if (is != nullptr && is->is_sealed && !(is_same && wanted->is_sealed)) return Kind::unseal;
  if (is_other) return is_stack(*wanted) ? Kind::grow_stack : Kind::map;
  if (!is_same) return Kind::protect;
  if (is->is_guard != wanted->is_guard) return wanted->is_guard ? Kind::guard : Kind::unguard;
  if (is->is_missing != wanted->is_missing) return wanted->is_missing ? Kind::drop : Kind::ask;
  return {};
}

}  // namespace

Status plan_changes(std::span<const std::byte> now, std::span<const std::byte> wanted,
                    GrowingArray<MappingChange>* changes) {
  Plan plan(changes);
  GrowingArray<MappingChange> seals;
  Cursor left(now), right(wanted);
  for (uint64_t at = 0; at != UINT64_MAX;) {
    const Region *is = left.at(at), *should = right.at(at);
    const AddressRange range{at, std::min(left.next_edge(at), right.next_edge(at))};
    at = range.end;
    const std::optional<MappingChange::Kind> kind = change_of(is, should, range);
    const bool seals_it = should != nullptr && should->is_sealed && (is == nullptr || !is->is_sealed);
    if (seals_it && !seals.append({MappingChange::Kind::seal, range, {}})) return Status::no_memory(sizeof(range));
    if (!kind) continue;
    const bool is_whole = *kind == MappingChange::Kind::map && is_made_as_a_whole(*should);
    if (is_whole) at = should->end;
    const Region part = should == nullptr ? Region{} : cut(*should, range);
    // A stack grows where nothing is.
    if (*kind == MappingChange::Kind::grow_stack && is != nullptr) {
      if (Status status = plan.add({MappingChange::Kind::unmap, range, {}}); !status.is_ok()) return status;
    }
    Status status = is_whole ? plan.add_whole(*should) : plan.add({*kind, range, part});
    if (!status.is_ok()) return status;
  }
  const std::span<const MappingChange> last(seals.data(), seals.size());
  return changes->append(last) ? Status::ok() : Status::no_memory(last.size_bytes());
}

std::optional<uint64_t> first_difference(std::span<const std::byte> a, std::span<const std::byte> b) {
  Cursor left(a), right(b);
  for (uint64_t at = 0; at != UINT64_MAX; at = std::min(left.next_edge(at), right.next_edge(at))) {
    const Region *one = left.at(at), *other = right.at(at);
    if (one == nullptr && other == nullptr) continue;
    if (one == nullptr || other == nullptr || !same_kind(*one, *other) || !same_permissions(*one, *other)) return at;
    const AddressRange here{at, at};
    if (cut(*one, here).offset != cut(*other, here).offset || one->is_guard != other->is_guard) return at;
    if (one->is_missing != other->is_missing || one->is_sealed != other->is_sealed) return at;
  }
  return {};
}

}  // namespace pagestore

#include "memory/tracee/mapping_undo.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <time.h>

#include <algorithm>
#include <cerrno>

#include "linux/mapped_file.h"
#include "linux/mapped_identities.h"
#include "linux/process_regions.h"
#include "memory/tracee/scratch.h"
#include "ptrace/process_paths.h"
#include "system/page_size.h"

namespace pagestore {

namespace {

using Kind = MappingChange::Kind;

constexpr uint64_t kInstallGuard = 102, kRemoveGuard = 103;  // since Linux 6.13

uint64_t protection_of(const Region& region) {
  const char* is = region.permissions;
  return (is[0] == 'r' ? PROT_READ : 0) | (is[1] == 'w' ? PROT_WRITE : 0) | (is[2] == 'x' ? PROT_EXEC : 0);
}

// No file is opened for it.
bool is_made_new(const Region& region) {
  return is_anonymous(region) || region.path.starts_with("/dev/zero");
}

bool is_of_system_v(const Region& region) {
  return region.path.starts_with("/SYSV");
}

// Whether only somebody else can make the change: pages that exist are to be dropped from a file, or from shared
// memory, or there are to be some that are missing.
bool takes_others(const MappingChange& change) {
  return change.kind == Kind::ask || (change.kind == Kind::drop && !is_anonymous(change.region));
}

// Of a change that nobody can make.
Status refusal_of(const MappingChange& change) {
  if (change.kind == Kind::unseal) return Status::mapping(change.range.start, EPERM, "it is sealed (mseal)");
  return Status::mapping(change.range.start, EBUSY, "pages of it are missing, for which somebody else has to be asked");
}

class Undo {
 public:
  Undo(TracedProcess& process, const Mappings& now) : process_(process), now_(now) {}

  // The kernel maps what the break passes on its way up, if nothing lies there nor in the page behind; on its way down
  // it unmaps whatever it passes, if that is anything. `mappings` becomes what is mapped then.
  Status move_break(uint64_t wanted, RegionList* mappings) {
    const uint64_t before = round_up(now_.program_break, page_size()), after = round_up(wanted, page_size());
    const AddressRange passed{std::min(before, after), std::max(before, after)};
    if (after > before) {
      const AddressRange free{passed.start, passed.end + page_size()};
      Status status = has_mapping(now_.regions, free) ? unmap(free) : Status::ok();
      if (status.is_ok()) status = set_break(wanted);
      if (!status.is_ok()) return status;
      const Region heap = anonymous(passed);
      return replace_mappings(now_.regions, free, &heap, mappings);
    }
    const AddressRange last{before - page_size(), before};
    const bool is_refused = after < before && !has_mapping(now_.regions, passed);
    Status status = is_refused ? map({Kind::map, last, anonymous(last)}) : Status::ok();
    if (status.is_ok()) status = set_break(wanted);
    return status.is_ok() ? replace_mappings(now_.regions, passed, nullptr, mappings) : status;
  }

  Status apply(const MappingChange& change) {
    const AddressRange& range = change.range;
    switch (change.kind) {
      case Kind::unmap:
        return unmap(range);
      case Kind::protect:
        return call({SYS_mprotect, {range.start, range.length(), protection_of(change.region)}}, range.start);
      case Kind::grow_stack:
        return grow_stack(change);
      case Kind::map:
        return map(change);
      case Kind::guard:
        process_.unprotect(range);
        return call({SYS_madvise, {range.start, range.length(), kInstallGuard}}, range.start);
      case Kind::unguard:
        process_.mark_replaced(range);
        return call({SYS_madvise, {range.start, range.length(), kRemoveGuard}}, range.start);
      case Kind::drop:
        process_.mark_replaced(range);
        return call({SYS_madvise, {range.start, range.length(), MADV_DONTNEED}}, range.start);
      case Kind::seal:
        process_.mark_seals();
        return call({kSealMemory, {range.start, range.length(), 0}}, range.start);
      case Kind::ask:
      case Kind::unseal:
        break;
    }
    return refusal_of(change);
  }

 private:
  Status call(const SystemCall& call, uint64_t address, int64_t* result = nullptr) {
    int64_t ignored = 0;
    if (result == nullptr) result = &ignored;
    if (Status status = process_.call(call, result); !status.is_ok()) return failed_at(address, status);
    if (*result >= 0 || *result < -4095) return Status::ok();
    return Status::mapping(address, static_cast<int>(-*result));
  }

  static Status failed_at(uint64_t address, const Status& status) {
    return status.is_forbidden_call() ? status.at_mapping(address) : status;
  }

  static Region anonymous(const AddressRange& range) { return {range.start, range.end, 0, {'r', 'w', '-', 'p'}, {}}; }

  Status set_break(uint64_t wanted) {
    int64_t result = 0;
    if (Status status = process_.call({SYS_brk, {wanted}}, &result); !status.is_ok()) return failed_at(wanted, status);
    if (static_cast<uint64_t>(result) == wanted) return Status::ok();
    // The kernel answers with the break that there is, and a filter with an error.
    return Status::mapping(wanted, result < 0 ? static_cast<int>(-result) : ENOMEM);
  }

  Status unmap(const AddressRange& range) { return call({SYS_munmap, {range.start, range.length()}}, range.start); }

  // The kernel grows a stack when its lowest page is touched, as by a call that writes there. Not towards a mapping
  // that lies close below: then the part is mapped, as one that grows, too.
  Status grow_stack(const MappingChange& change) {
    const AddressRange& range = change.range;
    const Status status = call({SYS_clock_gettime, {CLOCK_MONOTONIC, range.start}}, range.start);
    if (status.is_ok() || status.error() != Error::mapping) return status;
    constexpr uint64_t kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN;
    return call({SYS_mmap, {range.start, range.length(), protection_of(change.region), kFlags, UINT64_MAX, 0}},
                range.start);
  }

  Status map(const MappingChange& change) {
    const Region& region = change.region;
    const uint64_t sharing = region.permissions[3] == 's' ? MAP_SHARED : MAP_PRIVATE;
    const bool is_new = is_made_new(region);
    int64_t file = -1;
    if (is_of_system_v(region)) return attach(change);
    if (!is_new) {
      if (Status status = open(region, &file); !status.is_ok()) return status;
    }
    const uint64_t flags =
        sharing | MAP_FIXED | (is_new ? MAP_ANONYMOUS | MAP_NORESERVE : 0) | (region.grows_down ? MAP_GROWSDOWN : 0);
    const Status status = call({SYS_mmap,
                                {change.range.start, change.range.length(), protection_of(region), flags,
                                 static_cast<uint64_t>(file), is_new ? 0 : region.offset}},
                               change.range.start);
    if (file < 0) return status;
    const Status closed = call({SYS_close, {static_cast<uint64_t>(file)}}, change.range.start);
    return status.is_ok() ? closed : status;
  }

  // Of memory of System V the inode is the number. All of it is attached, where nothing is.
  Status attach(const MappingChange& change) {
    const Region& region = change.region;
    const uint64_t flags = region.permissions[1] == 'w' ? 0 : SHM_RDONLY;
    return call({SYS_shmat, {region.file.inode, region.start, flags}}, region.start);
  }

  // The path is written where the process can read it: at the end of its stack, which is put back after the call.
  Status open(const Region& region, int64_t* file) {
    char path[4096];
    if (region.path.size() >= sizeof(path)) return Status::mapping(region.start, ENAMETOOLONG);
    path[region.path.copy(path, sizeof(path) - 1)] = '\0';
    const std::optional<RemoteAddress> scratch = find_scratch(now_.regions);
    if (!scratch) return Status::mapping(region.start, ENOMEM);
    char before[sizeof(path)];
    if (Status status = process_.read(*scratch, before, sizeof(before)); !status.is_ok()) return status;
    const size_t length = region.path.size() + 1;
    if (Status status = process_.write(*scratch, path, length); !status.is_ok()) return status;
    const bool writes = region.permissions[3] == 's' && region.permissions[1] == 'w';
    const auto open_for = [&](uint64_t flags) {
      const SystemCall open{SYS_openat, {static_cast<uint64_t>(AT_FDCWD), scratch->value(), flags | O_CLOEXEC}};
      return call(open, region.start, file);
    };
    Status status = Status::ok();
    // What is captured has to be written, whatever its protection is.
    if (writes || is_closed(region)) status = open_for(O_RDWR);
    const bool reads = !writes && (!is_closed(region) || status.error() == Error::mapping);
    if (reads) status = open_for(O_RDONLY);
    const Status restored = process_.write(*scratch, before, length);
    return status.is_ok() ? restored : status;
  }

  TracedProcess& process_;
  const Mappings& now_;
};

// Unmapping makes room, a stack does not grow towards what lies below it, and what is sealed stays as it is.
int turn_of(Kind kind) {
  switch (kind) {
    case Kind::unmap:
      return 0;
    case Kind::grow_stack:
      return 1;
    case Kind::seal:
      return 3;
    default:
      return 2;
  }
}

// Whether memory of System V is gone, or never was of our own namespace.
bool has_lost_memory(const Region& region) {
  shmid_ds status{};
  return shmctl(static_cast<int>(region.file.inode), IPC_STAT, &status) != 0 && errno != EACCES;
}

// Whether the path of a region leads to no file, or to another one.
bool has_lost_name(pid_t task, const Region& region) {
  char path[kMostPath];
  if (is_made_new(region) || region.path.size() >= sizeof(path)) return false;
  path[region.path.copy(path, sizeof(path) - 1)] = '\0';
  const ScopedFd file = look_up(task, AT_FDCWD, path);
  if (!file.is_open()) return errno == ENOENT || errno == ENOTDIR;
  MappedIdentities identities;
  return compare_mapped_file(file.get(), region.file, identities) == MappedFile::another;
}

// Whether the memory that is to be mapped is still to be had.
Status check_map(pid_t task, const MappingChange& change) {
  const Region& region = change.region;
  const uint64_t at = change.range.start;
  if (is_of_system_v(region)) {
    if (has_lost_memory(region)) return Status::mapping(at, ENOENT, "its memory (System V) was removed");
    if (region.offset != 0) return Status::mapping(at, EINVAL, "a part of memory of System V is not mapped by itself");
    return Status::ok();
  }
  // Shared memory without a name that is also mapped elsewhere would become another one.
  if (is_mapped_twice(region)) return Status::mapping(at, EOPNOTSUPP, "its memory is mapped twice, and has no name");
  if (!has_lost_name(task, region)) return Status::ok();
  const bool is_huge = region.path.starts_with("/anon_hugepage") || region.path.starts_with("/memfd:");
  return Status::mapping(at, ENOENT,
                         is_huge ? "its memory has no name by which it could be mapped again (a memfd, or huge pages)"
                                 : "its file has no name any more, or another one has it");
}

}  // namespace

Status check_mappings(pid_t task, const Mappings& now, const Mappings& wanted) {
  GrowingArray<MappingChange> changes;
  if (Status status = plan_changes(now.regions, wanted.regions, &changes); !status.is_ok()) return status;
  for (const MappingChange& change : changes) {
    if (takes_others(change) || change.kind == Kind::unseal) return refusal_of(change);
    if (change.kind != Kind::map) continue;
    if (Status status = check_map(task, change); !status.is_ok()) return status;
  }
  return Status::ok();
}

Status undo_mappings(TracedProcess& process, const Mappings& now, const Mappings& wanted) {
  process.mark_mappings_changed();
  Undo undo(process, now);
  RegionList moved;
  std::span<const std::byte> regions = now.regions;
  if (now.program_break != wanted.program_break) {
    process.mark_break_moved();
    if (Status status = undo.move_break(wanted.program_break, &moved); !status.is_ok()) return status;
    regions = moved.bytes();
  }
  GrowingArray<MappingChange> changes;
  if (Status status = plan_changes(regions, wanted.regions, &changes); !status.is_ok()) return status;
  for (const int turn : {0, 1, 2, 3}) {
    for (const MappingChange& change : changes) {
      if (turn_of(change.kind) != turn) continue;
      if (Status status = undo.apply(change); !status.is_ok()) return status;
    }
  }
  return Status::ok();
}

}  // namespace pagestore

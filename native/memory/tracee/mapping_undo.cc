#include "memory/tracee/mapping_undo.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include <cerrno>

#include "linux/process_regions.h"
#include "system/page_size.h"

namespace pagestore {

namespace {

using Kind = MappingChange::Kind;

uint64_t protection_of(const Region& region) {
  const char* is = region.permissions;
  return (is[0] == 'r' ? PROT_READ : 0) | (is[1] == 'w' ? PROT_WRITE : 0) | (is[2] == 'x' ? PROT_EXEC : 0);
}

class Undo {
 public:
  Undo(TracedProcess& process, const Mappings& now) : process_(process), now_(now) {}

  Status set_break(uint64_t wanted) {
    if (now_.program_break == wanted) return Status::ok();
    int64_t result = 0;
    if (Status status = process_.call({SYS_brk, {wanted}}, &result); !status.is_ok()) return status;
    if (static_cast<uint64_t>(result) == wanted) return Status::ok();
    // The kernel does not lower the break while the last page below it is not mapped.
    const uint64_t last = (now_.program_break - 1) / page_size() * page_size();
    const Region page{last, last + page_size(), 0, {'r', 'w', '-', 'p'}, {}};
    if (Status status = map({Kind::map, {last, last + page_size()}, page}); !status.is_ok()) return status;
    return process_.call({SYS_brk, {wanted}}, &result);
  }

  Status apply(const MappingChange& change) {
    const AddressRange& range = change.range;
    switch (change.kind) {
      case Kind::unmap:
        return call({SYS_munmap, {range.start, range.length()}}, range.start);
      case Kind::protect:
        return call({SYS_mprotect, {range.start, range.length(), protection_of(change.region)}}, range.start);
      case Kind::grow_stack:
        // The kernel grows a stack when its lowest page is touched, as by a call that writes there.
        return call({SYS_clock_gettime, {CLOCK_MONOTONIC, range.start}}, range.start);
      case Kind::map:
        return map(change);
    }
    return Status::ok();
  }

 private:
  Status call(const SystemCall& call, uint64_t address, int64_t* result = nullptr) {
    int64_t ignored = 0;
    if (result == nullptr) result = &ignored;
    if (Status status = process_.call(call, result); !status.is_ok()) return status;
    if (*result >= 0 || *result < -4095) return Status::ok();
    return Status::mapping(address, static_cast<int>(-*result));
  }

  Status map(const MappingChange& change) {
    const Region& region = change.region;
    const uint64_t sharing = region.permissions[3] == 's' ? MAP_SHARED : MAP_PRIVATE;
    const bool is_new = is_anonymous(region) || region.path.starts_with("/dev/zero");
    int64_t file = -1;
    if (!is_new) {
      if (Status status = open(region, &file); !status.is_ok()) return status;
    }
    const uint64_t flags = sharing | MAP_FIXED | (is_new ? MAP_ANONYMOUS | MAP_NORESERVE : 0);
    const Status status = call({SYS_mmap,
                                {change.range.start, change.range.length(), protection_of(region), flags,
                                 static_cast<uint64_t>(file), is_new ? 0 : region.offset}},
                               change.range.start);
    if (file < 0) return status;
    const Status closed = call({SYS_close, {static_cast<uint64_t>(file)}}, change.range.start);
    return status.is_ok() ? closed : status;
  }

  // The path is written where the process can read it: at the end of its stack, which is put back after the call.
  Status open(const Region& region, int64_t* file) {
    char path[4096];
    if (region.path.size() >= sizeof(path)) return Status::mapping(region.start, ENAMETOOLONG);
    path[region.path.copy(path, sizeof(path) - 1)] = '\0';
    uint64_t scratch = 0;
    if (Status status = find_stack_end(&scratch); !status.is_ok()) return status;
    char before[sizeof(path)];
    if (Status status = process_.read(RemoteAddress(scratch), before, sizeof(before)); !status.is_ok()) return status;
    const size_t length = region.path.size() + 1;
    if (Status status = process_.write(RemoteAddress(scratch), path, length); !status.is_ok()) return status;
    const bool writes = region.permissions[3] == 's' && region.permissions[1] == 'w';
    const uint64_t flags = (writes ? O_RDWR : O_RDONLY) | O_CLOEXEC;
    const Status status = call({SYS_openat, {static_cast<uint64_t>(AT_FDCWD), scratch, flags}}, region.start, file);
    const Status restored = process_.write(RemoteAddress(scratch), before, length);
    return status.is_ok() ? restored : status;
  }

  Status find_stack_end(uint64_t* end) const {
    RegionReader reader(now_.regions);
    Region region;
    while (reader.next(&region)) {
      if (region.path != "[stack]") continue;  // it grows downwards: its end never moves
      *end = region.end - page_size();
      return Status::ok();
    }
    return Status::mapping(0, ENOMEM);
  }

  TracedProcess& process_;
  const Mappings& now_;
};

}  // namespace

Status undo_mappings(TracedProcess& process, const Mappings& now, const Mappings& wanted) {
  GrowingArray<MappingChange> changes;
  const bool moves_break = now.program_break != wanted.program_break;
  if (Status status = plan_changes(now.regions, wanted.regions, moves_break, &changes); !status.is_ok()) return status;
  Undo undo(process, now);
  process.mark_mappings_changed();
  // Unmapping comes first: it makes room.
  for (const bool unmaps : {true, false}) {
    for (const MappingChange& change : changes) {
      if ((change.kind == Kind::unmap) != unmaps) continue;
      if (Status status = undo.apply(change); !status.is_ok()) return status;
    }
    if (unmaps) {
      if (Status status = undo.set_break(wanted.program_break); !status.is_ok()) return status;
    }
  }
  return Status::ok();
}

}  // namespace pagestore

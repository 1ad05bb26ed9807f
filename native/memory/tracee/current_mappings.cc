#include "memory/tracee/current_mappings.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "linux/kernel_mappings.h"
#include "linux/proc_file.h"
#include "linux/process_regions.h"
#include "memory/tracee/mappings.h"
#include "memory/tracee/scratch.h"
#include "system/assert.h"
#include "system/page_size.h"

namespace pagestore {

Status CurrentMappings::open() {
  knows_guards_ = false;
  program_break_ = 0;
  if (Status status = Pagemap::open(process_.pid(), &pagemap_); !status.is_ok()) return status;
  return open_proc_file(process_.pid(), "/proc/PID/statm", O_RDONLY, &statm_);
}

bool CurrentMappings::read_size() {
  PS_ASSERT(statm_.is_open());
  char text[32] = "";
  if (pread(statm_.get(), text, sizeof(text) - 1, 0) <= 0) return true;
  const uint64_t pages = strtoull(text, nullptr, 10);
  // After the first thread's end the kernel says 0.
  if (pages == 0) return true;
  return std::exchange(mapped_pages_, pages) != pages;
}

namespace {

// Whether something lies right beside the first stack that may be a part of it.
bool has_stack_neighbour(const RegionList& regions) {
  RegionReader reader(regions.bytes());
  Region before{};
  for (Region region; reader.next(&region); before = region) {
    const Region *stack = &region, *other = &before;
    if (before.path == "[stack]") std::swap(stack, other);
    if (stack->path == "[stack]" && before.end == region.start && is_anonymous(*other)) return true;
  }
  return false;
}

}  // namespace

Status CurrentMappings::read_listed(RegionList* listed) {
  Status status = read_regions_of(process_.live_thread(), listed);
  if (!status.is_ok() || !(process_.growing().length() > 0 || process_.has_seals() || has_stack_neighbour(*listed))) {
    return status;
  }
  listed->clear();
  return read_flagged_regions_of(process_.live_thread(), listed);
}

// Once in any case: it may have made them before we saw its calls.
Status CurrentMappings::find_guards(RegionList* regions) {
  if (knows_guards_ && !process_.has_guards()) return Status::ok();
  GrowingArray<AddressRange> guards;
  RegionReader reader(regions->bytes());
  for (Region region; reader.next(&region);) {
    if (is_kernel_mapping(region)) continue;
    Status status = pagemap_.guards({region.start, region.end}, &guards);
    // A kernel that does not show them has none unless we have seen one made.
    const bool is_unknown = status.error_number() == EINVAL || status.error_number() == ENOTTY;
    if (is_unknown && !process_.has_guards()) break;
    if (is_unknown) status = Status::system(Error::tracee, "guards (MADV_GUARD_INSTALL) of this kernel", EOPNOTSUPP);
    if (!status.is_ok()) return status;
  }
  knows_guards_ = true;
  if (guards.empty()) return Status::ok();
  process_.mark_guards();
  RegionList parted;
  if (Status status = part_guards(*regions, {guards.data(), guards.size()}, &parted); !status.is_ok()) return status;
  std::swap(*regions, parted);
  return Status::ok();
}

// In memory that somebody serves it matters which pages there are.
Status CurrentMappings::find_missing(RegionList* regions) const {
  const RangeSet& served = process_.registered().served;
  if (served.empty()) return Status::ok();
  GrowingArray<AddressRange> present;
  RangeSet missing;
  RegionReader reader(regions->bytes());
  for (Region region; reader.next(&region);) {
    for (const AddressRange& each : served.overlapping({region.start, region.end})) {
      const AddressRange range{std::max(each.start, region.start), std::min(each.end, region.end)};
      uint64_t next = range.start;
      present.clear();
      if (Status status = pagemap_.present(range, &present); !status.is_ok()) return status;
      if (!present.append({range.end, range.end})) return Status::no_memory(sizeof(range));
      for (const AddressRange& run : present) {
        if (next < run.start) {
          if (Status status = missing.add({next, run.start}); !status.is_ok()) return status;
        }
        next = run.end;
      }
    }
  }
  RegionList parted;
  if (Status status = part_missing(*regions, missing.ranges(), &parted); !status.is_ok()) return status;
  std::swap(*regions, parted);
  return Status::ok();
}

// A filter of the program's may forbid it to ask, and may end a program that does: it is asked only if it may have
// moved it. Where it is forbidden, the list of mappings says on which page the break lies.
Status CurrentMappings::read_break(const RegionList& listed) {
  int64_t answer = 0;
  if (program_break_ != 0 && !process_.may_have_moved_break() && !process_.has_unseen_changes()) return Status::ok();
  const Status status = process_.call({SYS_brk, {}}, &answer);
  if (!status.is_ok() && status.error() != Error::permission) return status;
  process_.mark_break_known();
  if (status.is_ok() && answer > 0) {
    program_break_ = static_cast<uint64_t>(answer);
    return Status::ok();
  }
  uint64_t end = layout_.heap_start;
  RegionReader reader(listed.bytes());
  for (Region region; reader.next(&region);) {
    if (region.path == "[heap]") end = std::max(end, region.end);
  }
  if (round_up(program_break_, page_size()) != round_up(end, page_size())) program_break_ = end;
  return Status::ok();
}

Status CurrentMappings::read() {
  RegionList listed, merged;
  if (Status status = read_listed(&listed); !status.is_ok()) return status;
  // Its start moves where the program moves it.
  if (Status status = read_program_layout(process_.live_thread(), &layout_); !status.is_ok()) return status;
  if (Status status = read_break(listed); !status.is_ok()) return status;
  const NamedMemory named = named_memory(layout_, program_break_);
  MemoryFiles memory_files;
  if (Status status = MemoryFiles::find(process_.live_thread(), listed, &memory_files); !status.is_ok()) return status;
  if (Status status = merge_regions(listed, named, memory_files, &merged); !status.is_ok()) return status;
  if (Status status = find_guards(&merged); !status.is_ok()) return status;
  if (Status status = find_missing(&merged); !status.is_ok()) return status;
  RangeSet closed;
  if (Status status = find_closed(merged.bytes(), &closed); !status.is_ok()) return status;
  std::swap(regions_, merged);
  std::swap(listed_, listed);
  std::swap(closed_, closed);
  scratch_ = find_scratch(regions_.bytes());
  ++readings_;
  return Status::ok();
}

}  // namespace pagestore

#include "memory/tracee/current_mappings.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

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

namespace pagestore {

Status CurrentMappings::open() {
  knows_guards_ = false;
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
  if (!status.is_ok() || !(process_.growing().length() > 0 || has_stack_neighbour(*listed))) return status;
  listed->clear();
  return read_growing_regions_of(process_.live_thread(), listed);
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

Status CurrentMappings::read() {
  int64_t program_break = 0;
  if (Status status = process_.call({SYS_brk, {}}, &program_break); !status.is_ok()) return status;
  program_break_ = static_cast<uint64_t>(program_break);
  RegionList listed, merged;
  if (Status status = read_listed(&listed); !status.is_ok()) return status;
  // Its start moves where the program moves it.
  if (Status status = read_program_layout(process_.live_thread(), &layout_); !status.is_ok()) return status;
  const NamedMemory named = named_memory(layout_, program_break_);
  MemoryFiles memory_files;
  if (Status status = MemoryFiles::find(process_.live_thread(), listed, &memory_files); !status.is_ok()) return status;
  if (Status status = merge_regions(listed, named, memory_files, &merged); !status.is_ok()) return status;
  if (Status status = find_guards(&merged); !status.is_ok()) return status;
  RangeSet closed;
  if (Status status = find_closed(merged.bytes(), &closed); !status.is_ok()) return status;
  std::swap(regions_, merged);
  std::swap(closed_, closed);
  scratch_ = find_scratch(regions_.bytes());
  ++readings_;
  return Status::ok();
}

}  // namespace pagestore

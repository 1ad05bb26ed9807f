#include "memory/process_memory.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <new>

#include "snapshot/page_capture.h"

namespace pagestore {

Status ProcessMemory::open(SharedStore* store, pid_t pid, std::optional<TrackerKind> wanted, bool is_stopped,
                           std::unique_ptr<ProcessMemory>* memory) {
  if (wanted == TrackerKind::write_protect) {
    // That takes a userfaultfd made inside of the process: only who controls it can do so.
    return Status::system(Error::tracker, "write-protection of a process that is only observed", EOPNOTSUPP);
  }
  RegionList regions;
  if (Status status = read_regions_of(pid, &regions); !status.is_ok()) return status;
  if (Status status = open_snapshot_stores(*store); !status.is_ok()) return status;
  std::unique_ptr<ProcessMemory> made(new (std::nothrow) ProcessMemory(store, pid));
  if (!made) return Status::out_of_memory("new", sizeof(ProcessMemory), ENOMEM);
  made->process_ = ScopedFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  // Of a process that runs on, writes between the look and the clearing would be lost.
  const bool can_track = is_stopped && !made->is_our_own() && Tracker::is_supported(TrackerKind::soft_dirty);
  const bool wants_to = !wanted || wanted == TrackerKind::soft_dirty;
  if (can_track && wants_to && made->claim_.take()) made->tracker_ = TrackerKind::soft_dirty;
  if (wanted && wanted != made->tracker_) return Status::system(Error::tracker, "this tracker", ENOSYS);
  *memory = std::move(made);
  return Status::ok();
}

Status ProcessMemory::check_life() const {
  const bool has_ended = process_.is_open() && syscall(SYS_pidfd_send_signal, process_.get(), 0, nullptr, 0) != 0;
  return has_ended && errno == ESRCH ? Status::process_gone(pid_, "has ended") : Status::ok();
}

Status ProcessMemory::read_regions(RegionList* regions) const {
  if (Status status = check_life(); !status.is_ok()) return status;
  return read_regions_of(pid_, regions);
}

Status ProcessMemory::regions(const RegionList** regions) {
  regions_.clear();
  *regions = &regions_;
  return read_regions(&regions_);
}

void ProcessMemory::select(RegionList regions) {
  std::swap(selected_, regions);
  has_selection_ = true;
}

Status ProcessMemory::select_captured() {
  const RegionList* all;
  if (Status status = regions(&all); !status.is_ok()) return status;
  selected_.clear();
  RegionReader reader(all->bytes());
  Region region;
  while (reader.next(&region)) {
    if (!is_captured(region)) continue;
    if (Status status = selected_.add(region); !status.is_ok()) return status;
  }
  return Status::ok();
}

bool ProcessMemory::is_captured(const Region& region) const {
  if (!is_private_memory(region)) return false;
  if (!is_our_own() || region.path.empty()) return true;
  RegionReader reader(regions_.bytes());
  Region other;
  while (reader.next(&other)) {
    if (other.permissions[3] == 's' && other.path == region.path) return false;
  }
  return true;
}

Status ProcessMemory::clear_dirty() const {
  char path[40];
  snprintf(path, sizeof(path), "/proc/%d/clear_refs", pid_);
  const ScopedFd file(::open(path, O_WRONLY | O_CLOEXEC));
  if (file.is_open() && write(file.get(), "4", 1) == 1) return Status::ok();
  return process_refused(pid_, "clear_refs", errno);
}

// Whether any region holds the address: what cannot be read there is beyond the end of a file.
bool ProcessMemory::is_mapped(uint64_t address) const {
  RegionList now;
  if (!read_regions(&now).is_ok()) return false;
  RegionReader reader(now.bytes());
  Region region;
  while (reader.next(&region)) {
    if (region.start <= address && address < region.end) return true;
  }
  return false;
}

// One capture: goes over the address space in rising order.
class ProcessMemory::Capture {
 public:
  Capture(ProcessMemory& memory, PageStores& stores)
      : memory_(memory), stores_(stores), pages_(stores, memory.captured_.tree(), memory.captured_.pages()) {}

  Status look_at(const Pagemap& pagemap, const Region& region) {
    const AddressRange range{region.start, region.end};
    runs_.clear();
    // Behind a file there is something even where nothing is in memory yet.
    if (is_anonymous(region)) {
      if (Status status = pagemap.present(range, &runs_); !status.is_ok()) return status;
    } else if (!runs_.append(range)) {
      return Status::out_of_memory("realloc", sizeof(range), ENOMEM);
    }
    is_file_ = !is_anonymous(region);
    for (const AddressRange& run : runs_) {
      if (Status status = forget_until(run.start / page_size()); !status.is_ok()) return status;
      Status status = is_tracked(region) ? look_at_dirty(pagemap, run) : look_at(run);
      if (!status.is_ok()) return status;
      next_ = run.end / page_size();
    }
    return Status::ok();
  }

  Status finish(OwnedTree* tree, uint64_t* pages) {
    if (Status status = forget_until(UINT64_MAX); !status.is_ok()) return status;
    return pages_.finish(tree, pages);
  }

 private:
  static constexpr size_t kBatch = 256;

  // A page of a file that is dropped from memory loses its bit.
  bool is_tracked(const Region& region) const {
    return memory_.tracker_ == TrackerKind::soft_dirty && memory_.is_known_ && is_anonymous(region);
  }

  Status look_at_dirty(const Pagemap& pagemap, const AddressRange& run) {
    GrowingArray<AddressRange> dirty;
    if (Status status = pagemap.soft_dirty(run, &dirty); !status.is_ok()) return status;
    for (const AddressRange& each : dirty) {
      if (Status status = look_at(each); !status.is_ok()) return status;
    }
    return Status::ok();
  }

  Status look_at(const AddressRange& run) {
    for (uint64_t at = run.start; at < run.end;) {
      const size_t wanted = std::min<uint64_t>(kBatch, (run.end - at) / page_size());
      PageNumber blanks[kBatch];
      if (Status status = stores_.pages.take_blanks(wanted, blanks); !status.is_ok()) return status;
      size_t got = 0;
      Status status = read(at, blanks, wanted, &got);
      size_t kept = 0;
      for (bool is_same; kept < got && status.is_ok(); ++kept) {
        status = pages_.capture(at / page_size() + kept, blanks[kept], &is_same);
      }
      stores_.pages.give_back(blanks + kept, wanted - kept);
      if (!status.is_ok()) return status;
      at += kept * page_size();
      if (got < wanted) {
        if (status = check_end_of_file(at); !status.is_ok()) return status;
        next_ = at / page_size();
        return forget_until(run.end / page_size());
      }
    }
    return Status::ok();
  }

  // Reads up to where something cannot be read.
  Status read(uint64_t address, const PageNumber* blanks, size_t count, size_t* got) {
    iovec local[kBatch];
    for (size_t i = 0; i < count; ++i) local[i] = {stores_.pages.blank(blanks[i]), page_size()};
    const iovec remote{reinterpret_cast<void*>(address), count * page_size()};
    const ssize_t bytes = process_vm_readv(memory_.pid_, local, count, &remote, 1, 0);
    *got = bytes < 0 ? 0 : static_cast<size_t>(bytes) / page_size();
    return bytes >= 0 || errno == EFAULT ? Status::ok() : process_refused(memory_.pid_, "process_vm_readv", errno);
  }

  // The page at `address` cannot be read: beyond the end of a file there is nothing, up to the region's end;
  // else it has gone.
  Status check_end_of_file(uint64_t address) const {
    if (is_file_ && memory_.is_mapped(address)) return Status::ok();
    return Status::process_gone(memory_.pid_, "ended, became another program, or unmapped what was being read");
  }

  // What was between there and here is no more.
  Status forget_until(VirtualPage place) {
    const Status status = pages_.remove(next_, place);
    next_ = std::max(next_, place);
    return status;
  }

  ProcessMemory& memory_;
  PageStores& stores_;
  PageCapture pages_;
  GrowingArray<AddressRange> runs_;
  VirtualPage next_ = 0;  // before it everything was looked at
  bool is_file_ = false;
};

namespace {

// Whether the first of the regions that were captured still begins where it did: the program's own code.
bool has_kept(const RegionList& now, const RegionList& captured) {
  RegionReader before(captured.bytes()), after(now.bytes());
  Region first, region;
  if (!before.next(&first)) return true;
  while (after.next(&region)) {
    if (region.start == first.start && region.path == first.path) return true;
  }
  return false;
}

}  // namespace

Status ProcessMemory::capture(Snapshot* snapshot) {
  if (!has_selection_) {
    if (Status status = select_captured(); !status.is_ok()) return status;
  }
  Pagemap pagemap;
  if (Status status = Pagemap::open(pid_, &pagemap); !status.is_ok()) {
    return process_refused(pid_, status.what(), status.error_number());
  }
  const LockedStores stores(*store_);
  Capture capture(*this, *stores);
  RegionReader reader(selected_.bytes());
  Region region;
  while (reader.next(&region)) {
    if (Status status = capture.look_at(pagemap, region); !status.is_ok()) return status;
  }
  OwnedTree tree;
  uint64_t pages;
  if (Status status = capture.finish(&tree, &pages); !status.is_ok()) return status;
  // Whoever ended meanwhile was read as empty.
  RegionList now;
  Status status = read_regions(&now);
  if (status.is_ok() && !has_kept(now, selected_)) status = Status::process_gone(pid_, "became another program");
  if (!status.is_ok()) return status;
  if (tracker_ == TrackerKind::soft_dirty) is_known_ = clear_dirty().is_ok();
  OwnedSnapshot made;
  status = captured_.commit(*stores, std::move(tree), pages, {.regions = selected_.bytes()}, &made);
  if (status.is_ok()) {
    *snapshot = made.take();
  } else {
    is_known_ = false;
  }
  return status;
}

Status ProcessMemory::read(uint64_t address, std::span<std::byte> bytes) const {
  if (Status status = check_life(); !status.is_ok()) return status;
  const iovec local{bytes.data(), bytes.size()};
  const iovec remote{reinterpret_cast<void*>(address), bytes.size()};
  const ssize_t got = process_vm_readv(pid_, &local, 1, &remote, 1, 0);
  if (got == static_cast<ssize_t>(bytes.size())) return Status::ok();
  if (got < 0 && errno != EFAULT) return process_refused(pid_, "process_vm_readv", errno);
  return Status::refused(Error::address, address + static_cast<uint64_t>(got < 0 ? 0 : got), 0);
}

}  // namespace pagestore

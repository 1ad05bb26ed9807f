#include "memory/process_memory.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <new>

#include "linux/proc_file.h"
#include "linux/untouched_pages.h"

namespace pagestore {

Status ProcessMemory::open(SharedStore* store, pid_t pid, std::optional<TrackerKind> wanted, bool is_stopped,
                           std::unique_ptr<ProcessMemory>* memory) {
  if (wanted == TrackerKind::write_protect) {
    // That takes a userfaultfd which the process makes itself, as only a tracee does for us.
    return Status::system(Error::tracker, "write-protection of a process that is only observed", EOPNOTSUPP);
  }
  RegionList regions;
  if (Status status = read_regions_of(pid, &regions); !status.is_ok()) return status;
  if (Status status = open_snapshot_stores(*store); !status.is_ok()) return status;
  std::unique_ptr<ProcessMemory> made(new (std::nothrow) ProcessMemory(store, pid));
  if (!made) return Status::no_memory(sizeof(ProcessMemory));
  made->process_ = ScopedFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (wanted == TrackerKind::soft_dirty) {
    if (Status status = Tracker::require(*wanted); !status.is_ok()) return status;
    // A write between reading the bits and clearing them would be lost.
    if (!is_stopped || made->is_our_own()) {
      return Status::system(Error::tracker, "soft-dirty of a process that runs meanwhile", EOPNOTSUPP);
    }
    if (Status status = made->claim_.take(pid); !status.is_ok()) return status;
    made->tracker_ = *wanted;
  }
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
  constexpr const char* kFile = "/proc/PID/clear_refs";
  ScopedFd file;
  if (Status status = open_proc_file(pid_, kFile, O_WRONLY, &file); !status.is_ok()) return status;
  return write(file.get(), "4", 1) == 1 ? Status::ok() : process_refused(pid_, kFile, errno);
}

// Whether the address lies in a mapping.
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

Status ProcessMemory::read(uint64_t address, std::span<std::byte> bytes) const {
  if (Status status = check_life(); !status.is_ok()) return status;
  Pagemap pagemap;
  GrowingArray<AddressRange> existing;
  if (Status status = Pagemap::open(pid_, &pagemap); !status.is_ok()) return status;
  UntouchedPages pages(pid_, pagemap, identities_);
  if (Status status = pages.fill(address, bytes, &existing); !status.is_ok()) return status;
  for (const AddressRange& run : existing) {
    const iovec local{bytes.data() + (run.start - address), run.length()};
    const iovec remote{reinterpret_cast<void*>(run.start), run.length()};
    const ssize_t got = process_vm_readv(pid_, &local, 1, &remote, 1, 0);
    if (got == static_cast<ssize_t>(run.length())) continue;
    if (got < 0 && errno != EFAULT) return process_refused(pid_, "process_vm_readv", errno);
    return Status::refused(Error::address, run.start + static_cast<uint64_t>(got < 0 ? 0 : got), 0);
  }
  return Status::ok();
}

}  // namespace pagestore

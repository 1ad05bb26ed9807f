#include "linux/memory_files.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "linux/proc_file.h"
#include "system/old_glibc.h"
#include "system/scoped_fd.h"

namespace pagestore {

namespace {

// The device that the kernel keeps such a memfd on; 0 where it makes none.
uint64_t device_of_memfd(unsigned flags) {
  const ScopedFd file(static_cast<int>(syscall(SYS_memfd_create, "pagestore", MFD_CLOEXEC | flags)));
  struct stat status {};
  if (!file.is_open() || read_file_status(file.get(), &status) != 0) return 0;
  return device_of(major(status.st_dev), minor(status.st_dev));
}

// One for small pages, and one for each size of huge ones. They are the same for all processes, and stay.
struct KernelsOwn {
  static constexpr unsigned kLeast = 14, kMost = 34, kShift = 26;  // the size, as a power of two, in the flags
  uint64_t devices[1 + kMost - kLeast + 1] = {};

  KernelsOwn() {
    devices[0] = device_of_memfd(0);
    for (unsigned size = kLeast; size <= kMost; ++size) {
      devices[1 + size - kLeast] = device_of_memfd(MFD_HUGETLB | size << kShift);
    }
  }
};

bool is_memory(std::string_view file_system) {
  return file_system == "tmpfs" || file_system == "ramfs";
}

// "36 35 98:0 /root /mount options fields… - type source options"
bool parse_mount(std::string_view line, uint64_t* device) {
  constexpr std::string_view kSeparator = " - ";
  const size_t end = line.find(kSeparator);
  if (end == std::string_view::npos) return false;
  std::string_view type = line.substr(end + kSeparator.size());
  type = type.substr(0, type.find(' '));
  char head[64];
  head[line.copy(head, sizeof(head) - 1)] = '\0';
  unsigned major = 0, minor = 0;
  if (sscanf(head, "%*u %*u %u:%u", &major, &minor) != 2) return false;
  *device = device_of(major, minor);
  return is_memory(type);
}

bool is_shared_file(const Region& region) {
  return region.permissions[3] == 's' && region.file.inode != 0;
}

}  // namespace

Status MemoryFiles::find(pid_t pid, const RegionList& regions, MemoryFiles* files) {
  if (Status status = files->add_kernels_own(); !status.is_ok()) return status;
  RegionReader reader(regions.bytes());
  Region region;
  while (reader.next(&region)) {
    if (is_shared_file(region) && !files->contains(region)) return files->add_mounted(pid);
  }
  return Status::ok();
}

Status MemoryFiles::add(uint64_t device) {
  return devices_.append(device) ? Status::ok() : Status::no_memory(sizeof(device));
}

bool MemoryFiles::contains(const Region& region) const {
  // A device's file may lie on a tmpfs, too.
  const std::string_view path = region.path;
  if (path.starts_with("/dev/") && !path.starts_with("/dev/shm/") && !path.starts_with("/dev/zero")) return false;
  return std::find(devices_.begin(), devices_.end(), region.file.device) != devices_.end();
}

Status MemoryFiles::add_kernels_own() {
  static const KernelsOwn kernels_own;
  for (const uint64_t device : kernels_own.devices) {
    if (device == 0) continue;
    if (Status status = add(device); !status.is_ok()) return status;
  }
  return Status::ok();
}

// Where the list cannot be read, nothing is mounted that we know to be memory.
Status MemoryFiles::add_mounted(pid_t pid) {
  GrowingArray<char> text;
  if (!read_proc_file(pid, "/proc/PID/mountinfo", &text).is_ok()) return Status::ok();
  for (std::string_view rest(text.data(), text.size()); !rest.empty();) {
    const size_t end = rest.find('\n');
    uint64_t device;
    if (parse_mount(rest.substr(0, end), &device)) {
      if (Status status = add(device); !status.is_ok()) return status;
    }
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  return Status::ok();
}

}  // namespace pagestore

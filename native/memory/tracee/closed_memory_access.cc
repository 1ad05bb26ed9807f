#include "memory/tracee/closed_memory_access.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "linux/proc_file.h"
#include "linux/remote_pages.h"
#include "system/old_glibc.h"
#include "system/page_size.h"

namespace pagestore {

namespace {

constexpr int64_t kLastError = 4095;

bool is_refused(int64_t result) {
  return result < 0 && result >= -kLastError;
}

bool is_of_system_v(const Region& region) {
  return region.path.starts_with("/SYSV");
}

bool is_sealed(int file) {
  constexpr int kNoWrites = F_SEAL_WRITE | 0x10;  // F_SEAL_FUTURE_WRITE
  const int seals = fcntl(file, F_GET_SEALS);
  return seals > 0 && (seals & kNoWrites) != 0;
}

}  // namespace

Status ClosedMemoryAccess::call(const SystemCall& call, int64_t* result) const {
  return process_.call(call, result);
}

Status ClosedMemoryAccess::protect(uint64_t further, int64_t* result) const {
  const char* is = region_.permissions;
  const uint64_t own = (is[0] == 'r' ? PROT_READ : 0) | (is[2] == 'x' ? PROT_EXEC : 0);
  return call({SYS_mprotect, {region_.start, region_.end - region_.start, own | further}}, result);
}

Status ClosedMemoryAccess::open() {
  int64_t result = 0;
  if (Status status = protect(PROT_READ | PROT_WRITE, &result); !status.is_ok()) return status;
  if (!is_refused(result)) {
    how_ = How::unprotected;
    return Status::ok();
  }
  const auto error_number = static_cast<int>(-result);
  // The kernel may have come as far as the part that it refused.
  if (Status status = protect(0, &result); !status.is_ok()) return status;
  if (is_of_system_v(region_)) {
    if (Status status = call({SYS_shmat, {region_.file.inode, 0, 0}}, &result); !status.is_ok()) return status;
    if (is_refused(result)) return Status::mapping(region_.start, static_cast<int>(-result));
    attached_ = static_cast<uint64_t>(result);
    how_ = How::attached;
    return Status::ok();
  }
  file_ = find_file();
  if (!file_.is_open()) return Status::mapping(region_.start, error_number);
  how_ = How::file;
  return Status::ok();
}

Status ClosedMemoryAccess::close() {
  int64_t result = 0;
  Status status = Status::ok();
  if (how_ == How::unprotected) status = protect(0, &result);
  if (how_ == How::attached) status = call({SYS_shmdt, {attached_}}, &result);
  how_ = How::none;
  file_ = ScopedFd();
  if (!status.is_ok() || !is_refused(result)) return status;
  process_.mark_mappings_changed();
  return Status::mapping(region_.start, static_cast<int>(-result));
}

// A descriptor of the tracee's may be one that only reads: it is opened once more.
ScopedFd ClosedMemoryAccess::find_file() const {
  char path[4200];
  const pid_t task = process_.live_thread();
  NumberDirectory directory;
  ScopedFd found;
  if (directory.open(task, "/proc/PID/fd").is_ok()) {
    for (int32_t number; !found.is_open() && directory.next(&number);) {
      snprintf(path, sizeof(path), "/proc/%d/fd/%d", task, number);
      found = open_if_it(path);
    }
  }
  if (found.is_open()) return found;
  const auto major = static_cast<unsigned>(region_.file.device >> 32);
  const uint64_t device = makedev(major, static_cast<unsigned>(region_.file.device));
  const int duplicate = duplicates_.find_writable(device, region_.file.inode);
  if (duplicate >= 0) {
    snprintf(path, sizeof(path), "/proc/self/fd/%d", duplicate);
    found = open_if_it(path);
  }
  if (found.is_open() || region_.path.ends_with(" (deleted)")) return found;
  snprintf(path, sizeof(path), "/proc/%d/root%.*s", task, static_cast<int>(region_.path.size()), region_.path.data());
  return open_if_it(path);
}

ScopedFd ClosedMemoryAccess::open_if_it(const char* path) const {
  const auto is_it = [&](const struct stat& status) {
    return status.st_ino == region_.file.inode && major(status.st_dev) == region_.file.device >> 32 &&
           minor(status.st_dev) == static_cast<unsigned>(region_.file.device);
  };
  struct stat status;
  if (read_file_status(path, &status) != 0 || !is_it(status)) return {};
  ScopedFd opened(::open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!opened.is_open() || read_file_status(opened.get(), &status) != 0 || !is_it(status)) return {};
  return is_sealed(opened.get()) ? ScopedFd() : std::move(opened);
}

Status ClosedMemoryAccess::write(std::span<const VirtualPage> numbers, const std::byte* const* pages,
                                 bool* reached) const {
  const auto offset_of = [&](VirtualPage page) { return page * page_size() - region_.start + region_.offset; };
  if (how_ == How::file) {
    for (size_t i = 0; i < numbers.size(); ++i) reached[i] = write_to_file(offset_of(numbers[i]), pages[i]);
    return Status::ok();
  }
  VirtualPage there[RemotePages::kMost];
  for (size_t i = 0; i < numbers.size(); ++i) {
    there[i] = how_ == How::attached ? (attached_ + offset_of(numbers[i])) / page_size() : numbers[i];
  }
  const RemotePages remote(process_.live_thread(), process_.memory().get());
  return remote.write({there, numbers.size()}, pages, reached);
}

// Its length stays: what a mapping has behind it in the last page can be written by a mapping alone.
bool ClosedMemoryAccess::write_to_file(uint64_t offset, const std::byte* page) const {
  struct stat status;
  if (read_file_status(file_.get(), &status) != 0 || static_cast<uint64_t>(status.st_size) <= offset) return false;
  const auto count = std::min<size_t>(page_size(), static_cast<uint64_t>(status.st_size) - offset);
  const bool has_more =
      std::any_of(page + count, page + page_size(), [](std::byte each) { return each != std::byte{}; });
  const ssize_t put = pwrite(file_.get(), page, count, static_cast<off_t>(offset));
  return put == static_cast<ssize_t>(count) && !has_more;
}

}  // namespace pagestore

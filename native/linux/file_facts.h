// Which file it is that a path or a descriptor leads to.
//
// An inode's number is given to another file once the first is gone. What then differs is when the file was made; that
// is 0 where the file system does not say.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace pagestore {

struct FileFacts {
  uint64_t device = 0, inode = 0;
  uint64_t born = 0;  // in nanoseconds
  uint64_t length = 0;
  uint64_t links = 0;  // names that it has
};

// False, with errno, where it is not found. No server behind a file system is asked.
inline bool read_file_facts(int folder, const char* path, FileFacts* facts, int flags = 0) {
  constexpr int kFlags = AT_EMPTY_PATH | 0x4000;                   // AT_STATX_DONT_SYNC
  constexpr unsigned kWanted = 0x1 | 0x4 | 0x100 | 0x200 | 0x800;  // STATX_TYPE, NLINK, INO, SIZE, BTIME
  constexpr unsigned kBorn = 0x800;
  constexpr uint64_t kSecond = 1'000'000'000;
  struct statx found;
  if (syscall(SYS_statx, folder, path, kFlags | flags, kWanted, &found) == 0) {
    const auto seconds = static_cast<uint64_t>(found.stx_btime.tv_sec);
    const uint64_t born = (found.stx_mask & kBorn) != 0 ? seconds * kSecond + found.stx_btime.tv_nsec : 0;
    *facts = {makedev(found.stx_dev_major, found.stx_dev_minor), found.stx_ino, born, found.stx_size, found.stx_nlink};
    return true;
  }
  struct stat status;
  if (errno != ENOSYS && errno != EPERM) return false;
  if (syscall(SYS_newfstatat, folder, path, &status, AT_EMPTY_PATH | flags) != 0) return false;
  *facts = {status.st_dev, status.st_ino, 0, static_cast<uint64_t>(status.st_size), status.st_nlink};
  return true;
}
inline bool read_file_facts(int descriptor, FileFacts* facts) {
  return read_file_facts(descriptor, "", facts);
}

}  // namespace pagestore

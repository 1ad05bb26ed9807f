#include "linux/file_facts.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace pagestore {

namespace {

// Kinds of handles, by the kernel's linux/exportfs.h, in which the number is followed by a generation that a file
// keeps. That of xfs is also the one of FUSE, whose servers number a file anew when they please.
constexpr int32_t kUsual = 0x01, kOfBtrfs = 0x4d, kOfXfs = 0x81;

// As name_to_handle_at(2) takes it.
struct Handle {
  static constexpr uint32_t kMost = 128;  // MAX_HANDLE_SZ

  uint32_t size = kMost;
  int32_t type = 0;
  unsigned char bytes[kMost] = {};
};

bool has_generation(const Handle& handle, uint64_t inode) {
  if (handle.type != kOfXfs) return handle.type == kUsual || handle.type == kOfBtrfs;
  uint64_t number = 0;
  memcpy(&number, handle.bytes, sizeof(number));
  return number == inode;
}

// Never 0 for one that is told.
uint64_t read_generation(int folder, const char* path, int flags, uint64_t inode) {
  constexpr int kLinks = 0x400;  // AT_SYMLINK_FOLLOW
  const int links = (flags & AT_SYMLINK_NOFOLLOW) != 0 ? 0 : kLinks;
  Handle handle;
  int mount = 0;
  if (syscall(SYS_name_to_handle_at, folder, path, &handle, &mount, AT_EMPTY_PATH | links) != 0) return 0;
  if (!has_generation(handle, inode)) return 0;
  uint64_t mixed = 0xcbf2'9ce4'8422'2325;
  for (uint32_t i = 0; i < std::min(handle.size, Handle::kMost); ++i) {
    mixed = (mixed ^ handle.bytes[i]) * 0x0000'0100'0000'01b3;
  }
  return mixed | 1;
}

bool read_status(int folder, const char* path, int flags, FileFacts* facts) {
  constexpr int kFlags = AT_EMPTY_PATH | 0x4000;  // AT_STATX_DONT_SYNC
  // STATX_TYPE, MODE, NLINK, UID, INO, SIZE, BTIME
  constexpr unsigned kWanted = 0x1 | 0x2 | 0x4 | 0x8 | 0x100 | 0x200 | 0x800;
  constexpr unsigned kBorn = 0x800;
  constexpr uint64_t kSecond = 1'000'000'000;
  struct statx found;
  if (syscall(SYS_statx, folder, path, kFlags | flags, kWanted, &found) == 0) {
    const auto seconds = static_cast<uint64_t>(found.stx_btime.tv_sec);
    const uint64_t born = (found.stx_mask & kBorn) != 0 ? seconds * kSecond + found.stx_btime.tv_nsec : 0;
    *facts = {{makedev(found.stx_dev_major, found.stx_dev_minor), found.stx_ino, born},
              found.stx_size,
              found.stx_nlink,
              found.stx_uid,
              found.stx_mode};
    return true;
  }
  struct stat status;
  if (errno != ENOSYS && errno != EPERM) return false;
  if (syscall(SYS_newfstatat, folder, path, &status, AT_EMPTY_PATH | flags) != 0) return false;
  *facts = {{status.st_dev, status.st_ino},
            static_cast<uint64_t>(status.st_size),
            status.st_nlink,
            status.st_uid,
            status.st_mode};
  return true;
}

}  // namespace

// Nothing is opened: this process may have as many descriptors as it may. What is moved there between the two calls has
// facts of both, which are those of no file.
bool read_file_facts(int folder, const char* path, FileFacts* facts, int flags) {
  if (!read_status(folder, path, flags, facts)) return false;
  facts->identity.generation = read_generation(folder, path, flags, facts->identity.inode);
  return true;
}

}  // namespace pagestore

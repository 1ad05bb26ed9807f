#include "linux/file_systems.h"

#include <sys/vfs.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>

namespace pagestore {

namespace {

// As statfs(2) and the kernel's linux/magic.h have them.
constexpr uint32_t kKeeping[] = {
    0xef53,      // ext2, ext3, ext4
    0x58465342,  // xfs
    0x9123683e,  // btrfs
    0x01021994,  // tmpfs, and what has no name: memfds
    0x858458f6,  // ramfs
    0x958458f6,  // hugetlbfs
    0x794c7630,  // overlayfs
    0xf2f52010,  // f2fs
    0xca451a4e,  // bcachefs
    0x2fc12fc1,  // zfs
    0x3153464a,  // jfs
    0x52654973,  // reiserfs
    0x3434,      // nilfs2
    0x4d44,      // vfat
    0x2011bab0,  // exfat
    0x5346544e,  // ntfs
    0x7366746e,  // ntfs3
    0x482b,      // hfsplus
    0x15013346,  // udf
    0x24051905,  // ubifs
    0x72b6,      // jffs2
    0xf15f,      // ecryptfs
    0x65735546,  // fuse, and virtiofs
    0x6969,      // nfs
    0x01021997,  // 9p
    0xff534d42,  // cifs
    0xfe534d42,  // smb3
    0x00c36400,  // ceph
    0x786f4256,  // vboxsf
    0xbacbacbc,  // vmhgfs
    0x01161970,  // gfs2
    0x7461636f,  // ocfs2
    0x0bd00bd0,  // lustre
    0x5346414f,  // afs
};

constexpr uint32_t kLayered[] = {0x794c7630};  // overlayfs
constexpr uint32_t kMemory[] = {0x01021994, 0x858458f6, 0x958458f6};

template <size_t kCount>
bool is_on_one(const char* path, const uint32_t (&types)[kCount]) {
  struct statfs status {};
  if (statfs(path, &status) != 0) return false;
  const auto type = static_cast<uint32_t>(status.f_type);
  return std::find(std::begin(types), std::end(types), type) != std::end(types);
}

}  // namespace

bool keeps_bytes(const char* path) {
  return is_on_one(path, kKeeping);
}

bool is_memory_file(const char* path) {
  return is_on_one(path, kMemory);
}

bool has_layers(std::string_view path) {
  char text[4096];
  if (path.size() >= sizeof(text)) return false;
  text[path.copy(text, sizeof(text) - 1)] = '\0';
  return is_on_one(text, kLayered);
}

}  // namespace pagestore

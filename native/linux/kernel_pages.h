// What Linux tells about pages, said in our own words: the headers that we build with are older.
//
// PAGEMAP_SCAN is Linux 6.7, asynchronous write-protection by userfaultfd is Linux 6.7 too. Both are
// found out about by trying.
#pragma once

#include <linux/ioctl.h>
#include <linux/types.h>

namespace pagestore::kernel {

struct PageRegion {
  __u64 start, end, categories;
};

struct PagemapScan {
  __u64 size, flags, start, end, walk_end, vector, vector_length, max_pages;
  __u64 category_inverted, category_mask, category_anyof_mask, return_mask;
};

inline constexpr unsigned long kPagemapScan = _IOWR('f', 16, PagemapScan);
inline constexpr __u64 kScanProtectMatching = 1, kScanCheckRegistered = 2;  // flags
inline constexpr __u64 kIsRegistered = 1, kIsWritten = 2, kIsPresent = 8, kIsSwapped = 16;

struct UffdApi {
  __u64 api, features, ioctls;
};
struct UffdRange {
  __u64 start, length;
};
struct UffdRegister {
  UffdRange range;
  __u64 mode, ioctls;
};
struct UffdProtect {
  UffdRange range;
  __u64 mode;
};

inline constexpr __u64 kUffdApi = 0xAA;
inline constexpr unsigned long kUffdioApi = _IOWR(0xAA, 0x3F, UffdApi);
inline constexpr unsigned long kUffdioRegister = _IOWR(0xAA, 0x00, UffdRegister);
inline constexpr unsigned long kUffdioProtect = _IOWR(0xAA, 0x06, UffdProtect);
inline constexpr __u64 kFeatureUnpopulated = 1 << 13, kFeatureAsync = 1 << 15;
inline constexpr __u64 kRegisterProtect = 2, kProtect = 1;
inline constexpr int kUserModeOnly = 1;

}  // namespace pagestore::kernel

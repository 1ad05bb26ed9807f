// The kernel's interface to pages: PAGEMAP_SCAN (linux/fs.h) and userfaultfd (linux/userfaultfd.h), both with
// what Linux 6.7 added. The headers that we build with are older.
//
// Names are the kernel's, in our spelling: PAGE_IS_WRITTEN is kPageIsWritten. Whether a kernel has them is
// found out by trying.
#pragma once

#include <linux/ioctl.h>
#include <linux/types.h>

namespace pagestore::kernel {

struct PageRegion {
  __u64 start, end, categories;
};

struct PmScanArg {
  __u64 size, flags, start, end, walk_end, vec, vec_len, max_pages;
  __u64 category_inverted, category_mask, category_anyof_mask, return_mask;
};

inline constexpr unsigned long kPagemapScan = _IOWR('f', 16, PmScanArg);
inline constexpr __u64 kPmScanWpMatching = 1, kPmScanCheckWpAsync = 2;  // flags
inline constexpr __u64 kPageIsWpAllowed = 1, kPageIsWritten = 2, kPageIsPresent = 8, kPageIsSwapped = 16,
                       kPageIsGuard = 256;

struct UffdioApi {
  __u64 api, features, ioctls;
};
struct UffdioRange {
  __u64 start, len;
};
struct UffdioRegister {
  UffdioRange range;
  __u64 mode, ioctls;
};
struct UffdioWriteProtect {
  UffdioRange range;
  __u64 mode;
};

inline constexpr __u64 kUffdApi = 0xAA;
inline constexpr unsigned long kUffdioApi = _IOWR(0xAA, 0x3F, UffdioApi);
inline constexpr unsigned long kUffdioRegister = _IOWR(0xAA, 0x00, UffdioRegister);
inline constexpr unsigned long kUffdioUnregister = _IOR(0xAA, 0x01, UffdioRange);
inline constexpr unsigned long kUffdioWriteProtect = _IOWR(0xAA, 0x06, UffdioWriteProtect);
inline constexpr __u64 kUffdFeatureWpUnpopulated = 1 << 13, kUffdFeatureWpAsync = 1 << 15;
inline constexpr __u64 kUffdioRegisterModeWp = 2, kUffdioWriteProtectModeWp = 1;
inline constexpr int kUffdUserModeOnly = 1;

}  // namespace pagestore::kernel

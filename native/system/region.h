// Regions: the contiguous mappings of a memory, as a list that is stored with each snapshot.
//
// The list is bytes: for each region a header, then the path, filled up to a multiple of 8 bytes.
//
//   | RegionHeader | path, zeroes | RegionHeader | path, zeroes | ...
//
// Equal lists are equal bytes, so one comparison says whether two snapshots have equal regions. A region that was not
// captured is listed, too, but has no bytes to read.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "system/address_range.h"
#include "system/growing_array.h"

namespace pagestore {

// Which file it is, whatever its name has become; zeroes without a file.
struct FileIdentity {
  uint64_t device = 0, inode = 0;

  auto operator<=>(const FileIdentity&) const = default;
};
// Its device, as /proc/PID/maps names it.
constexpr uint64_t device_of(uint32_t major, uint32_t minor) {
  return uint64_t{major} << 32 | minor;
}

struct Region {
  uint64_t start;
  uint64_t end;
  uint64_t offset;      // in the file at `path`
  char permissions[4];  // "rwxp"
  std::string_view path;
  bool is_captured = true;  // else only the mapping is known, not its bytes
  FileIdentity file{};
  bool grows_down = false;      // where it is touched below, as a stack does
  bool is_guard = false;        // it faults when it is touched, whatever its permissions are
  bool is_missing = false;      // somebody is asked for each of its pages when it is touched, none of which exists
  bool is_served = false;       // whoever has a userfaultfd of the process is asked for pages of it that do not exist
  bool reports_writes = false;  // whoever has one is told of writes to it
  bool is_sealed = false;       // it can neither be unmapped nor get other permissions (mseal)
};

// What comes before the path of each region in a list.
struct RegionHeader {
  uint64_t start, end, offset;
  char permissions[4];
  uint32_t path_length : 25;  // the kernel lists paths that are longer than those which it takes
  uint32_t is_captured : 1, grows_down : 1, is_guard : 1, is_missing : 1, is_served : 1, reports_writes : 1,
      is_sealed : 1;
  FileIdentity file;

  // With the path, up to the next header.
  size_t bytes() const;
};

class RegionList {
 public:
  // The path is copied.
  Status add(const Region& region);
  void clear() { bytes_.clear(); }
  std::span<const std::byte> bytes() const { return {bytes_.data(), bytes_.size()}; }

 private:
  GrowingArray<std::byte> bytes_;
};

// Whether two lists, as their bytes, are equal.
inline bool equal_bytes(std::span<const std::byte> a, std::span<const std::byte> b) {
  return a.size() == b.size() && (a.empty() || memcmp(a.data(), b.data(), a.size()) == 0);
}

// Goes over the regions in the bytes of a list, which stay the caller's.
class RegionReader {
 public:
  explicit RegionReader(std::span<const std::byte> bytes) : bytes_(bytes) {}
  // False at the end. The path lies in the bytes.
  bool next(Region* region);

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace pagestore

// What a program under check says to us: the system calls that include/pagestore.h makes, and the layout of
// what it declares. The header is compiled into the program, so programs with older headers are there to
// stay: every layout that was ever published is read, told from the others by its magic number and version.
//
// It promises nothing about what lies in a program's memory; who reads it checks every field.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pagestore::trap {

// System call numbers that no kernel implements, so that without us the kernel refuses the calls: asks whether the
// program is under check, and passes the address of its layout; asks for one of so many alternatives; reports a failed
// assertion. File and line follow the first argument of the last two.
inline constexpr int64_t kCheck = 0x7073'0000, kChoose = 0x7073'0001, kAssert = 0x7073'0002;

// What the fourth argument of a choice says where the choice is a function of its own, which has nothing below its
// stack pointer. In older headers it says nothing.
inline constexpr uint64_t kNothingBelow = 0x7073'0010;

// The answer to kCheck.
inline constexpr uint64_t kUnderCheck = 0x7073'0001;

struct Range {
  uint64_t start, length;
};

// Behind each layout lie two arrays of ranges: the program's state, and what is ignored.

// The first layout, which had a number and no version: kMostRanges of each.
inline constexpr uint32_t kRangesNumber = 0x7073'5231;
inline constexpr uint32_t kMostRanges = 256;
struct Ranges {
  uint32_t number;
  uint32_t is_checked;
  uint32_t states, ignored;  // ranges of each kind in use
};
static_assert(sizeof(Ranges) == 16);

// The layout since: `most_ranges` of each. A field that gets a meaning is taken from the reserve, where zero
// says that the program does not use it, so that it needs no new version.
inline constexpr uint32_t kLayoutMagic = 0x7073'5232;
inline constexpr uint32_t kLayoutVersion = 2;
// No header has room for more: what says so is no layout any more.
inline constexpr uint32_t kMostRoom = 1 << 16;
struct Layout {
  uint32_t magic;
  uint32_t is_checked;
  uint32_t version;
  uint32_t size;  // with the arrays, in bytes
  uint32_t most_ranges;
  uint32_t states, ignored;  // ranges of each kind in use
  uint32_t reserved_symmetric;
  uint64_t reserved_symmetric_ranges;
  uint64_t reserved_entry;
  uint64_t reserved_names;
  uint64_t reserved[7];
};
static_assert(sizeof(Layout) == 112);

// A rollback to before kCheck, and a detach, set it to 0: they need not know which layout it is.
static_assert(offsetof(Layout, is_checked) == offsetof(Ranges, is_checked));

}  // namespace pagestore::trap

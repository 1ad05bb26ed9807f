// What a program under check says to us: the numbers that include/pagestore.h uses, and the layout of what
// it declares. The header is the program's and is compiled with it, so nothing here may change without a
// new number.
#pragma once

#include <cstdint>

namespace pagestore::trap {

// System calls that no kernel has, so that without us they are refused: whether it is under check, with the
// address of what it declares; which way to go, of so many; what did not hold. File and line follow.
inline constexpr int64_t kCheck = 0x7073'0000, kChoose = 0x7073'0001, kAssert = 0x7073'0002;

// What a program declared, at the address that it told with its question. It counts only while `number`
// and `is_checked` are there: a rollback takes it back.
inline constexpr uint32_t kRangesNumber = 0x7073'5231;  // changes with the layout
inline constexpr uint32_t kMostRanges = 256;
enum class RangeKind : uint32_t { state = 1, ignored = 2 };

struct Range {
  uint64_t start, length;
};
struct Ranges {
  uint32_t number;
  uint32_t is_checked;
  uint32_t states, ignored;  // how many of each
  Range state[kMostRanges];
  Range ignore[kMostRanges];
};

// The answer to the question whether it is under check.
inline constexpr uint64_t kUnderCheck = 0x7073'0001;

}  // namespace pagestore::trap

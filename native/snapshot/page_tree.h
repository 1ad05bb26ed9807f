// A tree of pages as a value: the number of its root, and the numbers that its tables hold.
//
// These are plain numbers and own no reference. Who needs a tree or a page for a while owns a reference on it through
// the types of snapshot/owned.h; page_table.h says how trees are built.
#pragma once

#include <cstddef>
#include <cstdint>

#include "snapshot/page_stores.h"
#include "system/assert.h"
#include "system/virtual_page.h"

#ifndef PAGESTORE_FAN_OUT_BITS
#define PAGESTORE_FAN_OUT_BITS 4  // others only to be measured: see docs/internals/page-tables.md
#endif

namespace pagestore {

inline constexpr unsigned kFanOutBits = PAGESTORE_FAN_OUT_BITS;
inline constexpr size_t kFanOut = size_t{1} << kFanOutBits;
inline constexpr size_t kTableBytes = kFanOut * sizeof(uint32_t);

// What a page table has in one slot: one more than the number of a page or of a table, and a bit that says which of the
// two it is. 0 means nothing but zeroes.
enum class Child : uint32_t { absent = 0 };

inline constexpr uint32_t kIsTable = 1u << 31;
static_assert(kMostSnapshotPages + PageStore::kMostBlanks < kIsTable);

constexpr Child page_child(PageNumber page) {
  return Child{static_cast<uint32_t>(index_of(page)) + 1};
}
constexpr Child table_child(PageNumber table) {
  return Child{(static_cast<uint32_t>(index_of(table)) + 1) | kIsTable};
}
constexpr bool is_table(Child child) {
  return (static_cast<uint32_t>(child) & kIsTable) != 0;
}
// Whether it names one is for the reader to check: of what no table can have, this gives a number that never is.
constexpr PageNumber number_of(Child child) {
  PS_ASSERT(child != Child::absent);
  return PageNumber{(static_cast<uint32_t>(child) & ~kIsTable) - 1};
}

// The whole of a memory. Equal bytes at equal addresses: equal trees.
struct PageTree {
  Child root = Child::absent;
  unsigned levels = 0;  // tables from the root to a page; 0 without a root
  bool operator==(const PageTree&) const = default;
};

}  // namespace pagestore

// The snapshot tree: which page lies where, in page tables that are themselves stored, shared and counted.
//
// A page table is a block of 16 children: pages in a leaf table, tables in an inner one. It is stored in
// a page store of its own kind, so equal tables are one table, and that holds at every level: two trees
// with equal pages in equal places have the same root number, however each of them came to be. What is
// equal is skipped by comparing two numbers.
//
// The place of a page is its virtual page number: its address divided by the size of a page. A page of
// zeroes is the absent child, and a table of absent children is absent, so what is sparse costs nothing.
// A child says whether it is a page or a table, so a leaf is never equal to an inner table; hence a
// table's number tells its level too. A tree is as high as its highest page needs.
//
// A table holds one reference on each child, and who has a PageTree holds one on its root. Costs: an
// edit of d pages makes at most d tables a level, a difference visits only what differs, a release only
// what nobody else holds.
//
// It leaves to its caller: to hold the lock of the stores, and to give back every tree.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "store/page_stores.h"
#include "system/status.h"
#include "system/virtual_page.h"

#ifndef PAGESTORE_FAN_OUT_BITS
#define PAGESTORE_FAN_OUT_BITS 4  // others only to be measured: see docs/page-tables.md
#endif

namespace pagestore {

inline constexpr unsigned kFanOutBits = PAGESTORE_FAN_OUT_BITS;
inline constexpr size_t kFanOut = size_t{1} << kFanOutBits;
inline constexpr size_t kTableBytes = kFanOut * sizeof(uint32_t);

// A page's or table's number and one, with a bit that tells which; 0 for nothing but zeroes.
enum class Child : uint32_t { absent = 0 };

inline constexpr uint32_t kIsTable = 1u << 31;
static_assert(kMostSnapshotPages < kIsTable);

constexpr Child page_child(PageNumber page) {
  return Child{static_cast<uint32_t>(index_of(page)) + 1};
}
constexpr Child table_child(PageNumber table) {
  return Child{(static_cast<uint32_t>(index_of(table)) + 1) | kIsTable};
}
constexpr PageNumber number_of(Child child) {
  return PageNumber{(static_cast<uint32_t>(child) & ~kIsTable) - 1};
}

// Keeps what was written into a blank slot of the page store; zeroes are not stored.
Status keep_page(PageStore& pages, PageNumber blank, Child* page);

// The whole of a memory. Equal bytes in equal places: equal trees.
struct PageTree {
  Child root = Child::absent;
  unsigned levels = 0;  // tables from the root to a page; 0 without a root
  bool operator==(const PageTree&) const = default;
};

// What a page becomes.
struct PageChange {
  VirtualPage place;
  Child page;
};

class PageTables {
 public:
  explicit PageTables(PageStores& stores) : stores_(stores) {}

  // The tree that `from` becomes when the pages at some places (in rising order, no place twice) are
  // others. It takes over the caller's reference on each new page, also when it fails; `from` stays the
  // caller's. `pages` changes by how many more places have a page.
  Status edit(const PageTree& from, std::span<const PageChange> changes, PageTree* to, uint64_t* pages);

  // One holder more, or less.
  Status ref(const PageTree& tree);
  void unref(const PageTree& tree);

  void unref_pages(std::span<const PageChange> changes);

  Child page_at(const PageTree& tree, VirtualPage place) const;

  // The pages of the leaf table that `place` lies in.
  using Leaf = std::array<Child, kFanOut>;
  Leaf leaf_at(const PageTree& tree, VirtualPage place) const;

  // Calls `visit(place, page in a, page in b)` for each place from `first` to `last` where they differ,
  // in rising order.
  template <typename Visit>
  void differences(const PageTree& a, const PageTree& b, VirtualPage first, VirtualPage last, Visit visit) const;

 private:
  using Table = std::array<Child, kFanOut>;

  // A part of a tree: a table at `level`, or what stands for it when the tree is not that high. Level 0
  // is a page.
  struct Part {
    Child child;
    unsigned level;
    bool operator==(const Part&) const = default;
  };

  static Part part_of(const PageTree& tree) { return {tree.root, tree.levels}; }
  Table read(const Part& part, unsigned level) const;
  static Part child_in(const Part& part, unsigned level, const Table& table, size_t slot);
  Status rebuild(const Part& old, unsigned level, std::span<const PageChange> changes, Child* result, uint64_t* pages);
  Status fill(const Part& old, unsigned level, std::span<const PageChange> changes, Table* table, uint64_t* ours,
              uint64_t* pages);
  Status keep(unsigned level, const Table& table, uint64_t ours, Child* result);
  Status ref_children(unsigned level, const Table& table, uint64_t slots);
  void unref_children(unsigned level, const Table& table, uint64_t slots);
  void unref(unsigned level, Child child);
  Status lower(PageTree* tree);

  template <typename Visit>
  void differences(unsigned level, const Part& a, const Part& b, VirtualPage base, VirtualPage first, VirtualPage last,
                   Visit& visit) const;

  PageStores& stores_;
};

template <typename Visit>
void PageTables::differences(const PageTree& a, const PageTree& b, VirtualPage first, VirtualPage last,
                             Visit visit) const {
  const unsigned level = a.levels > b.levels ? a.levels : b.levels;
  if (level > 0) differences(level, part_of(a), part_of(b), 0, first, last, visit);
}

template <typename Visit>
void PageTables::differences(unsigned level, const Part& a, const Part& b, VirtualPage base, VirtualPage first,
                             VirtualPage last, Visit& visit) const {
  if (a == b || (a.child == Child::absent && b.child == Child::absent)) return;
  if (level == 0) {
    visit(base, a.child, b.child);
    return;
  }
  const Table table_a = read(a, level), table_b = read(b, level);
  const unsigned shift = (level - 1) * kFanOutBits;
  for (size_t slot = 0; slot < kFanOut; ++slot) {
    if (table_a[slot] == Child::absent && table_b[slot] == Child::absent) continue;
    const VirtualPage start = base + (VirtualPage{slot} << shift);
    const VirtualPage end = start + ((VirtualPage{1} << shift) - 1);
    if (end < first || start > last) continue;
    differences(level - 1, child_in(a, level, table_a, slot), child_in(b, level, table_b, slot), start, first, last,
                visit);
  }
}

// Looks places up one after another: neighbours cost nothing more. The tree is to live as long as this.
class TreeReader {
 public:
  TreeReader(PageStores& stores, const PageTree& tree) : tables_(stores), tree_(tree) {}

  Child page_at(VirtualPage place) {
    if (place / kFanOut != leaf_place_) {
      leaf_ = tables_.leaf_at(tree_, place);
      leaf_place_ = place / kFanOut;
    }
    return leaf_[place % kFanOut];
  }

 private:
  PageTables tables_;
  const PageTree& tree_;
  VirtualPage leaf_place_ = UINT64_MAX;
  PageTables::Leaf leaf_{};
};

}  // namespace pagestore

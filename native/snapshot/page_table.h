// The snapshot tree: which page lies at which address, in page tables that are themselves stored, shared and counted.
//
//                     tree { root, levels 3 }
//                        |
//   level 3   [ 0 | 1 | . | . |  ...  ]        an inner table: its children are tables
//               |   |
//   level 2   [...][ . | 1 | . |  ...  ]
//                       |
//   level 1            [ 0 | . | 2 |  ...  ]   a leaf table: its children are pages
//                        |       |
//                      page    page            "." is absent: nothing but zeroes below
//
// A page table is a block of 16 children. It is stored in a page store of its own kind, so equal tables are one table,
// and that holds at every level: two trees with equal pages at equal addresses have the same root number, however each
// of them came to be. What is equal is skipped by comparing two numbers.
//
// A page's virtual page number says which slot to take at each level: four bits a level, the lowest at the leaf. A page
// of zeroes is the absent child, and a table of absent children is absent, so what is sparse costs nothing. A child
// says whether it is a page or a table, so a leaf is never equal to an inner table; hence a table's number tells its
// level too. A tree is as high as its highest page needs.
//
// A table has one reference on each child, and who has a tree has one on its root (snapshot/owned.h). An edit of d
// pages makes at most d tables a level, a difference visits only what differs, a release only what has no other
// reference.
//
// It leaves to its caller: to have the lock of the stores.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "snapshot/owned.h"
#include "snapshot/page_tree.h"
#include "system/status.h"

namespace pagestore {

// What a page becomes. It owns the reference on `page`; its owner gives that back unless `edit` takes it.
struct PageChange {
  VirtualPage virtual_page;
  Child page;
};

class PageTables {
 public:
  explicit PageTables(PageStores& stores) : stores_(stores) {}

  // The tree that `from` becomes when some pages are others. Changes come in rising order, no virtual page twice. It
  // takes the page out of each change that it uses, also when it fails. `pages` changes by how many more virtual pages
  // have a page.
  Status edit(const PageTree& from, std::span<PageChange> changes, OwnedTree* to, uint64_t* pages);

  Child page_at(const PageTree& tree, VirtualPage virtual_page) const;

  // The pages of the leaf table that `virtual_page` lies in.
  using Leaf = std::array<Child, kFanOut>;
  Leaf leaf_at(const PageTree& tree, VirtualPage virtual_page) const;

  // Calls `visit(virtual page, page in a, page in b)` for each from `first` to `last` at which they differ, in rising
  // order.
  template <typename Visit>
  void differences(const PageTree& a, const PageTree& b, VirtualPage first, VirtualPage last, Visit visit) const;

 private:
  friend class OwnedTree;
  class Draft;
  using Table = std::array<Child, kFanOut>;

  // A part of a tree, a table at `level`; or, where the tree is not that high, its root. Level 0 is a page.
  struct Part {
    Child child;
    unsigned level;
    bool operator==(const Part&) const = default;
  };

  // Which virtual pages `differences` goes over, and what it calls for each.
  template <typename Visit>
  struct Walk {
    VirtualPage first, last;
    Visit& visit;
  };

  static Part part_of(const PageTree& tree) { return {tree.root, tree.levels}; }
  Table read(const Part& part, unsigned level) const;
  static Part child_in(const Part& part, unsigned level, const Table& table, size_t slot);
  Status ref(const PageTree& tree);
  void unref(const PageTree& tree) { unref(tree.levels, tree.root); }
  Status rebuild(const Part& old, unsigned level, std::span<PageChange> changes, Child* result, uint64_t* pages);
  Status fill(const Part& old, std::span<PageChange> changes, Draft* draft, uint64_t* pages);
  Status store(Draft* draft, Child* result);
  Status ref_children(unsigned level, const Table& table, uint64_t slots);
  void unref_children(unsigned level, const Table& table, uint64_t slots);
  void unref(unsigned level, Child child);
  Status lower(OwnedTree* tree);

  template <typename Visit>
  void differences(unsigned level, const Part& a, const Part& b, VirtualPage base, const Walk<Visit>& walk) const;

  PageStores& stores_;
};

template <typename Visit>
void PageTables::differences(const PageTree& a, const PageTree& b, VirtualPage first, VirtualPage last,
                             Visit visit) const {
  const unsigned level = a.levels > b.levels ? a.levels : b.levels;
  if (level > 0) differences(level, part_of(a), part_of(b), 0, Walk<Visit>{first, last, visit});
}

template <typename Visit>
void PageTables::differences(unsigned level, const Part& a, const Part& b, VirtualPage base,
                             const Walk<Visit>& walk) const {
  if (a == b || (a.child == Child::absent && b.child == Child::absent)) return;
  if (level == 0) {
    walk.visit(base, a.child, b.child);
    return;
  }
  const Table table_a = read(a, level), table_b = read(b, level);
  const unsigned shift = (level - 1) * kFanOutBits;
  for (size_t slot = 0; slot < kFanOut; ++slot) {
    if (table_a[slot] == Child::absent && table_b[slot] == Child::absent) continue;
    const VirtualPage start = base + (VirtualPage{slot} << shift);
    const VirtualPage end = start + ((VirtualPage{1} << shift) - 1);
    if (end < walk.first || start > walk.last) continue;
    differences(level - 1, child_in(a, level, table_a, slot), child_in(b, level, table_b, slot), start, walk);
  }
}

// Looks up the pages of one tree, one after another: neighbours cost nothing more. The tree is to live as long as this.
class TreeReader {
 public:
  TreeReader(PageStores& stores, const PageTree& tree) : tables_(stores), tree_(tree) {}

  Child page_at(VirtualPage virtual_page) {
    if (virtual_page / kFanOut != leaf_number_) {
      leaf_ = tables_.leaf_at(tree_, virtual_page);
      leaf_number_ = virtual_page / kFanOut;
    }
    return leaf_[virtual_page % kFanOut];
  }

 private:
  PageTables tables_;
  const PageTree& tree_;
  VirtualPage leaf_number_ = UINT64_MAX;
  PageTables::Leaf leaf_{};
};

}  // namespace pagestore

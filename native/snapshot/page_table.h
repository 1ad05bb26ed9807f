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
// No number is followed before it was checked (snapshot/checked_tables.h). Nor does a walk go on for ever in a store
// that is damaged: with each step there is one level less to go, so a table that leads back to itself has a table where
// a page must be; and where tables lead to one another again and again, the walk ends once it has read more of them
// than all trees ever needed.
//
// It leaves to its caller: to have the lock of the stores.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "snapshot/checked_tables.h"
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
  explicit PageTables(PageStores& stores) : stores_(stores), checked_(stores) {}

  // The tree that `from` becomes when some pages are others. Changes come in rising order, no virtual page twice. It
  // takes the page out of each change that it uses, also when it fails. `pages` changes by how many more virtual pages
  // have a page.
  Status edit(const PageTree& from, std::span<PageChange> changes, OwnedTree* to, uint64_t* pages);

  Status page_at(const PageTree& tree, VirtualPage virtual_page, Child* page) const;

  // Calls `visit(virtual page, page in a, page in b)` for each from `first` to `last` at which they differ, in rising
  // order, until one call fails.
  template <typename Visit>
  Status differences(const PageTree& a, const PageTree& b, VirtualPage first, VirtualPage last, Visit visit) const;

 private:
  friend class OwnedTree;
  friend class TreeReader;
  class Draft;
  using Table = CheckedTables::Table;

  // A part of a tree, a table at `level`; or, where the tree is not that high, its root. Level 0 is a page.
  struct Part {
    Child child;
    unsigned level;
    bool operator==(const Part&) const = default;
  };

  // Which virtual pages `differences` goes over, what it calls for each, and why it ended.
  template <typename Visit>
  struct Walk {
    VirtualPage first, last;
    Visit& visit;
    uint64_t left;  // how many steps down are possible, unless the store is damaged
    Status status = Status::ok();
  };

  static Part part_of(const PageTree& tree) { return {tree.root, tree.levels}; }
  Status read(const Part& part, unsigned level, Table* table) const;
  // The pages of the leaf table that `virtual_page` lies in; none was checked.
  Status leaf_at(const PageTree& tree, VirtualPage virtual_page, Table* leaf) const;
  static Part child_in(const Part& part, unsigned level, const Table& table, size_t slot);
  Status ref(const PageTree& tree);
  Status unref(const PageTree& tree) { return unref(tree.levels, tree.root); }
  Status rebuild(const Part& old, unsigned level, std::span<PageChange> changes, Child* result, uint64_t* pages);
  Status fill(const Part& old, std::span<PageChange> changes, Draft* draft, uint64_t* pages);
  Status store(Draft* draft, Child* result);
  Status ref_children(unsigned level, const Table& table, uint64_t slots);
  Status unref_children(unsigned level, const Table& table, uint64_t slots);
  Status unref(unsigned level, Child child);
  Status lower(OwnedTree* tree);

  template <typename Visit>
  bool differences(unsigned level, const Part& a, const Part& b, VirtualPage base, Walk<Visit>* walk) const;

  PageStores& stores_;
  CheckedTables checked_;
};

template <typename Visit>
Status PageTables::differences(const PageTree& a, const PageTree& b, VirtualPage first, VirtualPage last,
                               Visit visit) const {
  const unsigned level = a.levels > b.levels ? a.levels : b.levels;
  // For each page, of either tree, one at each level.
  Walk<Visit> walk{first, last, visit, 2 * level * stores_.pages_put};
  if (level > 0) static_cast<void>(differences(level, part_of(a), part_of(b), 0, &walk));
  return walk.status;
}

// False when the walk has ended.
template <typename Visit>
bool PageTables::differences(unsigned level, const Part& a, const Part& b, VirtualPage base, Walk<Visit>* walk) const {
  if (a == b || (a.child == Child::absent && b.child == Child::absent)) return true;
  if (level == 0) {
    for (const Part& part : {a, b}) {
      if (part.child != Child::absent && walk->status.is_ok()) walk->status = checked_.check(part.child, 0);
    }
    if (walk->status.is_ok()) walk->status = walk->visit(base, a.child, b.child);
    return walk->status.is_ok();
  }
  Table table_a, table_b;
  walk->status = read(a, level, &table_a);
  if (walk->status.is_ok()) walk->status = read(b, level, &table_b);
  if (walk->status.is_ok() && walk->left-- == 0) {
    walk->status = Status::damaged("more page tables than there ever were pages, at virtual page", base);
  }
  if (!walk->status.is_ok()) return false;
  const unsigned shift = (level - 1) * kFanOutBits;
  for (size_t slot = 0; slot < kFanOut; ++slot) {
    if (table_a[slot] == Child::absent && table_b[slot] == Child::absent) continue;
    const VirtualPage start = base + (VirtualPage{slot} << shift);
    const VirtualPage end = start + ((VirtualPage{1} << shift) - 1);
    if (end < walk->first || start > walk->last) continue;
    const Part in_a = child_in(a, level, table_a, slot), in_b = child_in(b, level, table_b, slot);
    if (!differences(level - 1, in_a, in_b, start, walk)) return false;
  }
  return true;
}

// Looks up the pages of one tree, one after another: neighbours cost nothing more. The tree is to live as long as this.
class TreeReader {
 public:
  TreeReader(PageStores& stores, const PageTree& tree) : tables_(stores), tree_(tree) {}

  Status page_at(VirtualPage virtual_page, Child* page) {
    if (virtual_page / kFanOut != leaf_number_) {
      if (Status status = tables_.leaf_at(tree_, virtual_page, &leaf_); !status.is_ok()) return status;
      leaf_number_ = virtual_page / kFanOut;
    }
    *page = leaf_[virtual_page % kFanOut];
    return *page == Child::absent ? Status::ok() : tables_.checked_.check(*page, 0);
  }

 private:
  PageTables tables_;
  const PageTree& tree_;
  VirtualPage leaf_number_ = UINT64_MAX;
  PageTables::Table leaf_{};
};

}  // namespace pagestore

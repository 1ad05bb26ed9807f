// References on pages and trees, as objects that give them back.
//
// Whatever builds a tree owns its pages and its tables through these, so no path out of a function, and none that an
// error takes, releases anything by hand. They are moved, never copied.
//
// They hold references and not the stores' lock. It leaves to its caller: to hold that lock for as long as one of these
// is there. What must last longer is put into a plain PageTree (`replace`, or `take`), and whoever has that one gives
// it back later, under the lock again.
#pragma once

#include <utility>

#include "snapshot/page_tree.h"
#include "system/status.h"

namespace pagestore {

// A reference on a page, or the page of zeroes, which needs none.
class OwnedPage {
 public:
  OwnedPage() = default;
  // Takes over a reference that the caller has.
  OwnedPage(PageStore& pages, PageNumber number) : pages_(&pages), child_(page_child(number)) {}
  OwnedPage(OwnedPage&& other) noexcept : pages_(other.pages_), child_(other.take()) {}
  OwnedPage& operator=(OwnedPage&& other) noexcept {
    std::swap(pages_, other.pages_);
    std::swap(child_, other.child_);
    return *this;
  }
  ~OwnedPage();

  // One more reference on `page`.
  static Status ref(PageStore& pages, Child page, OwnedPage* owned);

  // Keeps what was written into a blank slot of the page store, which it takes over; zeroes are not stored.
  static Status keep(PageStore& pages, PageNumber blank, OwnedPage* owned);

  Child get() const { return child_; }
  // The reference is the caller's from now on.
  [[nodiscard]] Child take() { return std::exchange(child_, Child::absent); }

 private:
  PageStore* pages_ = nullptr;
  Child child_ = Child::absent;
};

// A reference on the root of a tree, or the empty tree.
class OwnedTree {
 public:
  OwnedTree() = default;
  // Takes over a reference that the caller has.
  OwnedTree(PageStores& stores, const PageTree& tree) : stores_(&stores), tree_(tree) {}
  OwnedTree(OwnedTree&& other) noexcept : stores_(other.stores_), tree_(other.take()) {}
  OwnedTree& operator=(OwnedTree&& other) noexcept {
    std::swap(stores_, other.stores_);
    std::swap(tree_, other.tree_);
    return *this;
  }
  ~OwnedTree();

  // One more reference on `tree`.
  static Status ref(PageStores& stores, const PageTree& tree, OwnedTree* owned);

  const PageTree& get() const { return tree_; }
  // The reference is the caller's from now on.
  [[nodiscard]] PageTree take() { return std::exchange(tree_, {}); }

 private:
  PageStores* stores_ = nullptr;
  PageTree tree_;
};

// `kept`, a tree that lasts beyond the lock, becomes `tree`; the reference on what it was is given back.
void replace(PageStores& stores, PageTree* kept, OwnedTree tree);
inline void give_back(PageStores& stores, PageTree* kept) {
  replace(stores, kept, {});
}

}  // namespace pagestore

// Blank slots, and references on pages and trees, as objects that give them back.
//
// Whatever builds a tree owns its blanks, its pages and its tables through these, so that no path out of a function,
// with or without an error, gives anything back by hand. They are moved, never copied.
//
// They own references and do not lock the stores. Where the store is damaged, they give back what is there. It leaves
// to its caller: to have the stores' lock for as long as one of these lives. A reference that must last longer goes
// into a plain PageTree (by `replace` or `take`), whose owner gives it back later, under the lock again.
#pragma once

#include <utility>

#include "snapshot/page_tree.h"
#include "system/non_copyable.h"
#include "system/status.h"

namespace pagestore {

// A blank slot of a page store, to be written to. It goes back to the store unless OwnedPage keeps it.
class OwnedBlank {
 public:
  OwnedBlank() = default;
  // Takes over a blank that the caller has.
  OwnedBlank(PageStore& pages, PageNumber number) : pages_(&pages), number_(number) {}
  OwnedBlank(OwnedBlank&& other) noexcept : pages_(other.pages_), number_(other.take()) {}
  OwnedBlank& operator=(OwnedBlank&& other) noexcept {
    std::swap(pages_, other.pages_);
    std::swap(number_, other.number_);
    return *this;
  }
  ~OwnedBlank() {
    if (is_lent()) pages_->give_back(&number_, 1);
  }

  static Status borrow(PageStore& pages, OwnedBlank* blank);

  bool is_lent() const { return number_ != kNoPage; }
  std::byte* bytes() const { return pages_->blank(number_); }

 private:
  friend class OwnedPage;
  PageNumber take() { return std::exchange(number_, kNoPage); }

  PageStore* pages_ = nullptr;
  PageNumber number_ = kNoPage;
};

// Blanks that are borrowed together and used one after another.
class OwnedBlanks : NonCopyable {
 public:
  static constexpr size_t kMost = PageStore::kMostBlanks;

  explicit OwnedBlanks(PageStore& pages) : pages_(pages) {}
  ~OwnedBlanks() { pages_.give_back(numbers_ + next_, size_ - next_); }

  // Once.
  Status borrow(size_t count);

  // How many were borrowed, and where one that was not used yet is.
  size_t size() const { return size_; }
  std::byte* bytes(size_t i) const { return pages_.blank(numbers_[i]); }

  // The first that was not used yet.
  OwnedBlank next() {
    PS_ASSERT(next_ < size_);
    return {pages_, numbers_[next_++]};
  }

 private:
  PageStore& pages_;
  size_t size_ = 0, next_ = 0;
  PageNumber numbers_[kMost];
};

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

  // Stores what was written into the blank; zeroes are not stored.
  static Status keep(OwnedBlank blank, OwnedPage* owned);

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

  // What the destructor does, which cannot say whether all was there that the tree refers to.
  Status give_back();

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

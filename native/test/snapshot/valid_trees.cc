#include "snapshot/valid_trees.h"

#include <cstring>
#include <map>

namespace pagestore::test {
namespace {

class Checker {
 public:
  explicit Checker(PageStores& stores) : stores_(stores) {}

  // One more reference on `child`, from a table or from who has the tree. False with a reason.
  bool add(Child child, unsigned level) {
    if (is_table(child) != (level > 0)) return fail("a child of the wrong kind", child);
    const PageNumber number = number_of(child);
    if (level == 0) {
      ++page_references_[number];
      return true;
    }
    const auto [found, is_new] = tables_.try_emplace(number, Table{level, 0});
    ++found->second.references;
    if (found->second.level != level) return fail("a table at two levels", child);
    return !is_new || add_children(number, level);
  }

  bool has_top(const PageTree& tree) {
    if (tree.root == Child::absent) return tree.levels == 0 || fail("levels without a root", tree.root);
    if (tree.levels == 1) return true;
    const auto children = read(number_of(tree.root));
    for (size_t slot = 1; slot < kFanOut; ++slot) {
      if (children[slot] != Child::absent) return true;
    }
    return fail("a level more than needed", tree.root);
  }

  bool has_references() {
    for (const auto& [number, table] : tables_) {
      if (count(stores_.tables, number) < table.references)
        return fail("a table lacks references", table_child(number));
    }
    for (const auto& [number, references] : page_references_) {
      if (count(stores_.pages, number) < references) return fail("a page lacks references", page_child(number));
    }
    return true;
  }

  const std::string& reason() const { return reason_; }

 private:
  struct Table {
    unsigned level;
    uint64_t references;
  };

  static uint64_t count(const PageStore& store, PageNumber number) {
    PageStore::Counts counts;
    return store.counts_of(index_of(number), &counts).is_ok() ? counts.snapshots : 0;
  }

  std::array<Child, kFanOut> read(PageNumber number) const {
    std::array<Child, kFanOut> children;
    memcpy(children.data(), stores_.tables.bytes(number), kTableBytes);
    return children;
  }

  bool add_children(PageNumber number, unsigned level) {
    if (count(stores_.tables, number) == 0) return fail("a table that is not stored", table_child(number));
    bool is_empty = true;
    for (const Child child : read(number)) {
      if (child == Child::absent) continue;
      is_empty = false;
      if (!add(child, level - 1)) return false;
    }
    return !is_empty || fail("a table without children", table_child(number));
  }

  bool fail(const char* what, Child child) {
    reason_ = std::string(what) + ": child " + std::to_string(static_cast<uint32_t>(child) & ~kIsTable) +
              (is_table(child) ? " (a table)" : " (a page)");
    return false;
  }

  PageStores& stores_;
  std::map<PageNumber, Table> tables_;
  std::map<PageNumber, uint64_t> page_references_;
  std::string reason_;
};

}  // namespace

testing::AssertionResult are_valid(PageStores& stores, std::span<const PageTree> trees) {
  Checker checker(stores);
  for (const PageTree& tree : trees) {
    const bool is_valid = (tree.root == Child::absent || checker.add(tree.root, tree.levels)) && checker.has_top(tree);
    if (!is_valid) return testing::AssertionFailure() << checker.reason();
  }
  if (!checker.has_references()) return testing::AssertionFailure() << checker.reason();
  return testing::AssertionSuccess();
}

}  // namespace pagestore::test

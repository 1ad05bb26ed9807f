// What tests of snapshot trees share: the stores that trees live in, and trees named by the contents of their pages.
#pragma once

#include <map>
#include <memory>

#include "snapshot/tree_edit.h"
#include "snapshot/valid_trees.h"
#include "stores.h"

namespace pagestore::test {

class OnTrees : public OnEachMemory {
 protected:
  void SetUp() override {
    OnEachMemory::SetUp();
    if (IsSkipped()) return;
    open(kMostSnapshotPages);
  }

  void open(size_t most_tables) {
    stores_.reset();
    pages_ = std::make_unique<PageStore>();
    stores_ = std::make_unique<PageStores>(*pages_);
    ASSERT_TRUE(ok(stores_->pages.open(file(), {})));
    const StoreOptions tables{.max_pages = most_tables, .page_bytes = kTableBytes, .has_users = false};
    ASSERT_TRUE(ok(stores_->tables.open(file(), tables)));
    ASSERT_TRUE(ok(stores_->keys.open(file(), {.page_bytes = kKeyBytes, .has_users = false})));
  }

  // The page with that content; 0 is the page of zeroes.
  OwnedPage page(uint64_t content) {
    if (content == 0) return {};
    PageNumber number = kNoPage;
    EXPECT_TRUE(ok(stores_->pages.store(Holder::snapshot, page_of(content).data(), 1, &number)));
    return {stores_->pages, number};
  }

  using Model = std::map<VirtualPage, uint64_t>;  // without zeroes

  PageTree edit(const PageTree& from, const Model& changes, uint64_t* pages) {
    TreeEdit edit(*stores_, from, *pages);
    for (const auto& [virtual_page, content] : changes) EXPECT_TRUE(ok(edit.set(virtual_page, page(content))));
    OwnedTree tree;
    EXPECT_TRUE(ok(edit.finish(&tree, pages)));
    return tree.take();
  }

  PageTree tree_of(const Model& model) {
    uint64_t pages = 0;
    const PageTree tree = edit({}, model, &pages);
    EXPECT_EQ(pages, model.size());
    return tree;
  }

  void release(const PageTree& tree) { EXPECT_TRUE(ok(OwnedTree(*stores_, tree).give_back())); }

  Model differences(const PageTree& a, const PageTree& b, VirtualPage first = 0, VirtualPage last = UINT64_MAX) {
    Model found;
    VirtualPage before = 0;
    const auto note = [&](VirtualPage virtual_page, Child, Child now) {
      EXPECT_TRUE(found.empty() || virtual_page > before);
      before = virtual_page;
      found[virtual_page] = static_cast<uint64_t>(now);
      return Status::ok();
    };
    EXPECT_TRUE(ok(PageTables(*stores_).differences(a, b, first, last, note)));
    return found;
  }

  testing::AssertionResult is_valid(const PageTree& tree) {
    if (!stores_->tables.is_valid()) return testing::AssertionFailure() << "the store of tables";
    return are_valid(*stores_, std::span(&tree, 1));
  }

  void expect_empty() {
    EXPECT_EQ(stores_->pages.size(), 0u);
    EXPECT_EQ(stores_->pages.stats().references, 0u);
    EXPECT_EQ(stores_->tables.size(), 0u);
    EXPECT_EQ(stores_->tables.stats().references, 0u);
  }

  std::unique_ptr<PageStore> pages_;
  std::unique_ptr<PageStores> stores_;
};

}  // namespace pagestore::test

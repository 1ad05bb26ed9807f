// The snapshot tree against a plain map from virtual pages to their contents.
#include "snapshot/page_table.h"

#include <map>
#include <random>

#include "snapshot/stored_bytes.h"
#include "snapshot/trees.h"

namespace pagestore::test {
namespace {

class SnapshotTree : public OnTrees {};
ON_EACH_MEMORY(SnapshotTree);

TEST_P(SnapshotTree, EqualPagesAtEqualVirtualPagesHaveOneRootHoweverTheyCameToBe) {
  std::mt19937_64 random(GetParam() == MemoryKind::huge ? 1 : 2);
  SCOPED_TRACE("seeds 1 and 2");
  // Low pages, pages next to each other, and pages at the ends of the address space.
  const VirtualPage bases[] = {0, 1000, 0x7'ffff'0000, (UINT64_MAX >> 12) - 300};
  std::vector<std::pair<PageTree, Model>> kept;
  PageTree tree;
  Model model;
  uint64_t pages = 0;
  for (int step = 0; step < (kSanitized ? 150 : 600); ++step) {
    Model changes;
    for (uint64_t count = random() % 40; count > 0; --count) {
      changes[bases[random() % 4] + random() % 300] = random() % 5;
    }
    const PageTree next = edit(tree, changes, &pages);
    release(tree);
    tree = next;
    for (const auto& [virtual_page, content] : changes) {
      if (content == 0) {
        model.erase(virtual_page);
      } else {
        model[virtual_page] = content;
      }
    }
    ASSERT_EQ(pages, model.size());
    ASSERT_TRUE(is_valid(tree));
    if (step % 10 == 0) {
      const PageTree anew = tree_of(model);
      ASSERT_EQ(anew, tree) << step;
      kept.emplace_back(anew, model);
    }
  }
  for (const auto& [a, model_a] : kept) {
    for (const auto& [b, model_b] : kept) ASSERT_EQ(a == b, model_a == model_b);
  }
  for (const auto& [virtual_page, content] : model) {
    Child found;
    ASSERT_TRUE(ok(PageTables(*stores_).page_at(tree, virtual_page, &found)));
    ASSERT_TRUE(found != Child::absent && page_is(stores_->pages.bytes(number_of(found)), content));
  }
  std::shuffle(kept.begin(), kept.end(), random);
  for (const auto& [kept_tree, kept_model] : kept) {
    ASSERT_TRUE(is_valid(kept_tree));
    release(kept_tree);
  }
  release(tree);
  expect_empty();
}

TEST_P(SnapshotTree, DifferencesAreThosePagesAndNoOthersWithinTheRange) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 60; ++round) {
    Model a, b;
    const VirtualPage far = round % 2 == 0 ? 0 : VirtualPage{1} << (random() % 50);
    for (int i = 0; i < 60; ++i) {
      const VirtualPage virtual_page = random() % 200 + (i % 3 == 0 ? far : 0);
      const uint64_t content = random() % 4;
      if (content > 0 && random() % 4 > 0) a[virtual_page] = content;
      if (content > 0 && random() % 4 > 0) b[virtual_page] = content;
    }
    const VirtualPage first = random() % 100, last = first + random() % 150;
    std::vector<VirtualPage> expected, within;
    for (VirtualPage virtual_page = 0; virtual_page < 200; ++virtual_page) {
      for (const VirtualPage each : {virtual_page, virtual_page + far}) {
        if (far == 0 && each != virtual_page) continue;
        const bool differs = (a.contains(each) ? a[each] : 0) != (b.contains(each) ? b[each] : 0);
        if (differs) expected.push_back(each);
      }
    }
    std::sort(expected.begin(), expected.end());
    expected.erase(std::unique(expected.begin(), expected.end()), expected.end());
    for (const VirtualPage virtual_page : expected) {
      if (virtual_page >= first && virtual_page <= last) within.push_back(virtual_page);
    }
    const PageTree tree_a = tree_of(a), tree_b = tree_of(b);
    ASSERT_TRUE(are_valid(*stores_, std::array{tree_a, tree_b}));
    std::vector<VirtualPage> found, found_within;
    for (const auto& [virtual_page, page] : differences(tree_a, tree_b)) found.push_back(virtual_page);
    for (const auto& [virtual_page, page] : differences(tree_a, tree_b, first, last))
      found_within.push_back(virtual_page);
    ASSERT_EQ(found, expected);
    ASSERT_EQ(found_within, within);
    release(tree_a);
    release(tree_b);
  }
  expect_empty();
}

TEST_P(SnapshotTree, ATreeIsAsHighAsItsHighestPageNeedsAndLowerAgainAfterIt) {
  uint64_t pages = 0;
  const PageTree low = edit({}, {{3, 1}}, &pages);
  EXPECT_EQ(low.levels, 1u);
  const PageTree high = edit(low, {{VirtualPage{1} << 40, 2}}, &pages);
  EXPECT_EQ(high.levels, 41u / kFanOutBits + 1);
  const PageTree again = edit(high, {{VirtualPage{1} << 40, 0}}, &pages);
  EXPECT_EQ(again, low);
  const PageTree nothing = edit(again, {{3, 0}}, &pages);
  EXPECT_EQ(nothing, PageTree{});
  EXPECT_EQ(pages, 0u);
  for (const PageTree& tree : {low, high, again, nothing}) release(tree);
  expect_empty();
}

// One number may name a page and a table; what they mean must not be mixed up.
TEST_P(SnapshotTree, ALeafAndAnInnerTableAreNeverEqual) {
  uint64_t pages = 0;
  const PageTree leaf = edit({}, {{0, 1}}, &pages);                     // a leaf with page 0
  const PageTree inner = edit({}, {{VirtualPage{1} << 4, 1}}, &pages);  // above it, a table with table 0 or 1
  EXPECT_NE(leaf.root, inner.root);
  const PageTree three = edit({}, {{VirtualPage{1} << 8, 1}}, &pages);
  EXPECT_NE(three.root, inner.root);
  release(leaf);
  EXPECT_EQ(differences({}, inner).size(), 1u);
  release(inner);
  EXPECT_EQ(differences({}, three).size(), 1u);
  release(three);
  expect_empty();
}

TEST_P(SnapshotTree, AnEditThatFindsNoRoomChangesNothingAndGivesBackEveryPage) {
  for (size_t room = 1; room < 60; ++room) {
    open(room);
    uint64_t pages = 0;
    OwnedTree base;
    {
      TreeEdit edit(*stores_, {}, 0);
      if (!edit.set(7, page(9)).is_ok() || !edit.finish(&base, &pages).is_ok()) continue;
    }
    const auto before = stores_->pages.stats();
    const size_t tables_before = stores_->tables.size();
    {
      TreeEdit edit(*stores_, base.get(), pages);
      Status status = Status::ok();
      for (VirtualPage virtual_page = 0; virtual_page < 600 && status.is_ok(); virtual_page += 3)
        status = edit.set(virtual_page << 8, page(virtual_page + 1));
      OwnedTree made;
      if (status.is_ok()) status = edit.finish(&made, &pages);
      EXPECT_TRUE(refused(status, Error::out_of_memory)) << room;
    }
    EXPECT_EQ(pages, 1u);
    EXPECT_EQ(stores_->pages.stats().references, before.references);
    EXPECT_EQ(stores_->tables.size(), tables_before);
    EXPECT_EQ(differences({}, base.get()).size(), 1u);
    base = {};
    expect_empty();
  }
}

TEST_P(SnapshotTree, BlanksThatAreNotKeptGoBack) {
  {
    OwnedBlanks blanks(*pages_);
    ASSERT_TRUE(ok(blanks.borrow(3)));
    for (size_t i = 0; i < blanks.size(); ++i) fill_page(blanks.bytes(i), i + 1);
    OwnedPage kept;
    ASSERT_TRUE(ok(OwnedPage::keep(blanks.next(), &kept)));
    EXPECT_TRUE(page_is(pages_->bytes(number_of(kept.get())), 1));
    const OwnedBlank unused = blanks.next();
    EXPECT_TRUE(page_is(unused.bytes(), 2));
    EXPECT_EQ(pages_->size(), 1u);
  }
  expect_empty();
  ASSERT_TRUE(pages_->is_valid());
  const OwnedPage again[] = {page(4), page(5), page(6)};
  for (const OwnedPage& each : again) EXPECT_LT(index_of(number_of(each.get())), 3u);
}

// As far as one page reaches they are one run: what goes on is only compared.
TEST_P(SnapshotTree, BytesOfAMemoryAreStoredLikeAnyOthers) {
  const PageTree memory = tree_of({{1, 1}, {2, 2}, {6, 3}});
  for (const uint64_t address : {size_t{0}, size_t{5}, page_size() - 3, 3 * page_size(), 5 * page_size() + 7}) {
    for (const uint64_t length : {size_t{1}, page_size() - 24, page_size(), 3 * page_size() + 11, 9 * page_size()}) {
      BytesWriter writer(*stores_, length);
      OwnedTree written, plain;
      ASSERT_TRUE(ok(writer.append(memory, address, length)));
      ASSERT_TRUE(ok(writer.finish(&written)));
      Bytes bytes(length), found(length);
      ASSERT_TRUE(ok(read_memory(*stores_, memory, address, bytes)));
      ASSERT_TRUE(ok(read_memory(*stores_, written.get(), kStoredHeadBytes, found)));
      EXPECT_EQ(found, bytes);
      ASSERT_TRUE(ok(store_bytes(*stores_, bytes, &plain)));
      const bool is_short = length + kStoredHeadBytes <= page_size();
      EXPECT_EQ(written.get() == plain.get(), is_short) << length << " bytes at " << address;
      EXPECT_TRUE(ok(read_stored_bytes(*stores_, plain.get(), found)));
      EXPECT_EQ(found, bytes);
      const Status status = read_stored_bytes(*stores_, written.get(), found);
      EXPECT_TRUE(is_short ? ok(status) : refused(status, Error::damaged));
    }
  }
  release(memory);
  expect_empty();
}

TEST_P(SnapshotTree, BytesThatAreNotThereCostNothing) {
  const PageTree memory = tree_of({{1, 1}, {VirtualPage{1} << 36, 2}});
  const uint64_t length = uint64_t{1} << 52;
  {
    BytesWriter writer(*stores_, length);
    OwnedTree written;
    uint64_t stored = 0;
    ASSERT_TRUE(ok(writer.append(memory, 1, length)));
    ASSERT_TRUE(ok(writer.finish(&written)));
    EXPECT_TRUE(ok(stored_length(*stores_, written.get(), &stored)));
    EXPECT_EQ(stored, length);
    Bytes found(page_size());
    const uint64_t offset = (page_size() << 36) - 1;
    ASSERT_TRUE(ok(read_memory(*stores_, written.get(), kStoredHeadBytes + offset, found)));
    EXPECT_TRUE(page_is(found.data(), 2));
  }
  release(memory);
  expect_empty();
}

TEST_P(SnapshotTree, BytesAreStoredWithTheirLength) {
  std::vector<PageTree> trees;
  for (const size_t length :
       {size_t{0}, size_t{1}, page_size() - 24, page_size() - 23, page_size() - 8, page_size() * 3 + 5}) {
    Bytes bytes(length, std::byte{0});
    for (const bool zero : {true, false}) {
      if (!zero && length == 0) continue;
      if (!zero) bytes[length - 1] = std::byte{1};
      OwnedTree owned;
      ASSERT_TRUE(ok(store_bytes(*stores_, bytes, &owned)));
      const PageTree tree = owned.take();
      uint64_t stored = 0;
      ASSERT_TRUE(ok(stored_length(*stores_, tree, &stored)));
      EXPECT_EQ(stored, length);
      GrowingArray<std::byte> read;
      ASSERT_TRUE(ok(read_stored_bytes(*stores_, tree, &read)));
      EXPECT_EQ(Bytes(read.begin(), read.end()), bytes);
      for (const PageTree& other : trees) EXPECT_NE(other, tree);
      trees.push_back(tree);
    }
  }
  for (const PageTree& tree : trees) release(tree);
  expect_empty();
}

TEST_P(SnapshotTree, TheEmptyTreeHasNoBytes) {
  GrowingArray<std::byte> read;
  uint64_t length = 1;
  EXPECT_TRUE(ok(stored_length(*stores_, {}, &length)));
  EXPECT_EQ(length, 0u);
  EXPECT_TRUE(ok(read_stored_bytes(*stores_, {}, &read)));
  EXPECT_TRUE(read.empty());
}

}  // namespace
}  // namespace pagestore::test

// Page tables that are not what they should be: every reader ends with an error, changes nothing and goes nowhere else.
//
// A tree is made anew in which one child, at one level, is wrong; all else is as a good tree has it, references, too.
// So each way of being wrong is found by what a reader checks, and nothing but that.
#include <cstring>
#include <functional>

#include "snapshot/fingerprint.h"
#include "snapshot/masks.h"
#include "snapshot/page_capture.h"
#include "snapshot/snapshot.h"
#include "snapshot/stored_bytes.h"
#include "snapshot/trees.h"

namespace pagestore::test {
namespace {

using Table = std::array<Child, kFanOut>;

// On whose path the damage lies, and one beside it in each of its tables.
constexpr VirtualPage kDamaged = 0x12345;
constexpr unsigned kLevels = 5;
const std::map<VirtualPage, uint64_t> kModel = {{kDamaged, 1}, {0x12346, 2}, {0x12355, 3},
                                                {0x12445, 4},  {0x13345, 5}, {0x22345, 6}};

size_t slot_at(unsigned level) {
  return static_cast<size_t>(kDamaged >> (level - 1) * kFanOutBits) % kFanOut;
}

constexpr Child kItself{UINT32_MAX - 1};

class DamagedTables : public OnTrees {
 protected:
  void SetUp() override {
    OnTrees::SetUp();
    if (IsSkipped()) return;
    good_ = tree_of(kModel);
    ASSERT_EQ(good_.levels, kLevels);
    recycle_some();
    ASSERT_TRUE(ok(stores_->pages.store(Holder::user, page_of(72).data(), 1, &users_page_)));
  }

  void TearDown() override {
    if (IsSkipped()) return;
    EXPECT_TRUE(are_valid(*stores_, std::span(&good_, 1)));
    EXPECT_TRUE(stores_->tables.is_valid());
    release(good_);
    EXPECT_TRUE(ok(stores_->pages.unref(Holder::user, &users_page_, 1)));
    expect_empty();
  }

  // The first that are recycled are the last to be used again.
  void recycle_some() {
    std::vector<PageTree> trees;
    for (uint64_t content = 100; content < 150; ++content) trees.push_back(tree_of({{0, content}}));
    recycled_table_ = number_of(trees[0].root);
    recycled_page_ = number_of(table(trees[0].root)[0]);
    for (const PageTree& tree : trees) release(tree);
  }

  Table table(Child child) const {
    Table table;
    memcpy(table.data(), stores_->tables.bytes(number_of(child)), sizeof(table));
    return table;
  }
  // The table of the good tree at `level` on the way to the page.
  Child good_table(unsigned level) const {
    Child child = good_.root;
    for (unsigned at = kLevels; at > level; --at) child = table(child)[slot_at(at)];
    return child;
  }
  // Which number the next new table will have.
  PageNumber next_table() {
    const PageTree next = tree_of({{0, 73}});
    release(next);
    return number_of(next.root);
  }

  // What can be wrong with a child of a table at `level`, whoever looks at it.
  std::map<std::string, Child> wrong_children(unsigned level) const {
    const bool is_leaf = level == 1;
    std::map<std::string, Child> wrong;
    wrong["beyond the top"] = is_leaf ? page_child(page_number(1000)) : table_child(page_number(1000));
    wrong["beyond all memory"] = Child{is_leaf ? kIsTable - 1 : UINT32_MAX};
    if (!is_leaf) wrong["the kind without a number"] = Child{kIsTable};
    wrong["recycled"] = is_leaf ? page_child(recycled_page_) : table_child(recycled_table_);
    wrong["of the other kind"] = is_leaf ? good_table(1) : table(good_table(1))[slot_at(1)];
    if (is_leaf) wrong["a page that users alone have"] = page_child(users_page_);
    if (level <= 2) wrong["itself"] = kItself;
    if (level == 2) wrong["a table of a higher level"] = good_.root;
    return wrong;
  }

  // Who finds nothing in a table of another level finds nothing wrong. Who goes to the end does.
  std::map<std::string, Child> wrong_levels(unsigned level) const {
    std::map<std::string, Child> wrong;
    if (level > 2) wrong["itself"] = kItself;
    if (level > 2) wrong["a table of a higher level"] = good_.root;
    if (level > 2) wrong["a table of a lower level"] = good_table(level - 2);
    return wrong;
  }

  // A tree as the good one, with that child in the table at `level`, and with references on all of its children that
  // there are.
  PageTree make_damaged(unsigned level, Child wrong) {
    const PageNumber next = next_table();
    Child child = wrong == kItself ? table_child(next) : wrong;
    if (wrong != kItself) add_reference(child, level);
    for (unsigned at = level; at <= kLevels; ++at) {
      Table made = table(good_table(at));
      for (size_t slot = 0; slot < kFanOut; ++slot) {
        if (slot != slot_at(at)) add_reference(made[slot], at);
      }
      made[slot_at(at)] = child;
      child = store(made);
      EXPECT_TRUE(at != level || number_of(child) == next);
    }
    return {child, kLevels};
  }
  // Of a table at `level`, unless the child is none that could have one.
  void add_reference(Child child, unsigned level) {
    if (child == Child::absent || is_table(child) != (level > 1)) return;
    PageStore& store = level == 1 ? stores_->pages : stores_->tables;
    const PageNumber number = number_of(child);
    if (store.count_of(Holder::snapshot, number) == 0) return;
    EXPECT_TRUE(ok(store.ref(Holder::snapshot, &number, 1)));
  }
  // Takes over references on its children.
  Child store(const Table& table) {
    PageNumber number = kNoPage;
    const auto* bytes = reinterpret_cast<const std::byte*>(table.data());
    EXPECT_TRUE(ok(stores_->tables.store(Holder::snapshot, bytes, 1, &number)));
    return table_child(number);
  }

  using Reader = std::function<Status(const PageTree& tree)>;
  std::map<std::string, Reader> readers() {
    const auto visit = [](VirtualPage, Child, Child) { return Status::ok(); };
    const auto all = [this, visit](const PageTree& a, const PageTree& b) {
      return PageTables(*stores_).differences(a, b, 0, UINT64_MAX, visit);
    };
    const uint64_t address = kDamaged * page_size();
    std::map<std::string, Reader> readers;
    readers["page_at"] = [this](const PageTree& tree) {
      Child child;
      return PageTables(*stores_).page_at(tree, kDamaged, &child);
    };
    readers["TreeReader"] = [this](const PageTree& tree) {
      Child child;
      TreeReader reader(*stores_, tree);
      Status status = reader.page_at(kDamaged + kFanOut * kFanOut * kFanOut * kFanOut, &child);
      return status.is_ok() ? reader.page_at(kDamaged, &child) : status;
    };
    readers["differences from nothing"] = [all](const PageTree& tree) { return all({}, tree); };
    readers["differences to nothing"] = [all](const PageTree& tree) { return all(tree, {}); };
    readers["differences from the good tree"] = [this, all](const PageTree& tree) { return all(good_, tree); };
    readers["differences to the good tree"] = [this, all](const PageTree& tree) { return all(tree, good_); };
    readers["differences in a range"] = [this, visit](const PageTree& tree) {
      return PageTables(*stores_).differences({}, tree, kDamaged, kDamaged, visit);
    };
    readers["memory of one page"] = [this, address](const PageTree& tree) {
      Bytes bytes(8);
      return read_memory(*stores_, tree, address + 5, bytes);
    };
    readers["memory of several pages"] = [this, address](const PageTree& tree) {
      Bytes bytes(3 * page_size());
      return read_memory(*stores_, tree, address - page_size(), bytes);
    };
    readers["bytes of memory"] = [this, address](const PageTree& tree) {
      BytesWriter writer(*stores_, 100);
      return writer.append(tree, address, 100);
    };
    readers["edit"] = [this](const PageTree& tree) {
      TreeEdit edit(*stores_, tree, 0);
      uint64_t pages;
      OwnedTree edited;
      Status status = edit.remove(kDamaged, kDamaged + 1);
      return status.is_ok() ? edit.finish(&edited, &pages) : status;
    };
    readers["edit beside it"] = [this](const PageTree& tree) {
      TreeEdit edit(*stores_, tree, 0);
      uint64_t pages;
      OwnedTree edited;
      EXPECT_TRUE(ok(edit.set(kDamaged + 1, page(9))));
      return edit.finish(&edited, &pages);
    };
    readers["capture"] = [this](const PageTree& tree) {
      PageCapture capture(*stores_, tree, 0);
      OwnedBlank blank;
      bool is_same;
      EXPECT_TRUE(ok(OwnedBlank::borrow(stores_->pages, &blank)));
      fill_page(blank.bytes(), 1);
      return capture.capture(kDamaged, std::move(blank), &is_same);
    };
    readers["capture of nothing"] = [this](const PageTree& tree) {
      PageCapture capture(*stores_, tree, 0);
      return capture.remove(kDamaged);
    };
    readers["capture of an empty range"] = [this](const PageTree& tree) {
      PageCapture capture(*stores_, tree, 0);
      bool is_absent;
      return capture.is_absent(kDamaged, kDamaged + 1, &is_absent);
    };
    readers["diff"] = [this](const PageTree& tree) {
      GrowingArray<AddressRange> ranges;
      Snapshot before, after;
      before.memory = good_;
      after.memory = tree;
      return difference(*stores_, before, after, &ranges);
    };
    readers["fingerprint"] = [this](const PageTree& tree) {
      Fingerprints fingerprints;
      Fingerprint fingerprint, again;
      EXPECT_TRUE(ok(fingerprints.of(*stores_, good_, &fingerprint)));
      Status status = fingerprints.of(*stores_, tree, &again);
      // What it remembers is as before.
      EXPECT_TRUE(ok(fingerprints.of(*stores_, good_, &again)));
      EXPECT_EQ(again, fingerprint);
      fingerprints.release(*stores_);
      return status;
    };
    readers["mask"] = [this, address](const PageTree& tree) {
      Masks masks;
      const AddressRange ranges[] = {{address + 1, address + 2}};
      OwnedTree ignored, masked;
      EXPECT_TRUE(ok(store_bytes(*stores_, std::as_bytes(std::span(ranges)), &ignored)));
      EXPECT_TRUE(ok(masks.mask(*stores_, good_, ignored.get(), &masked)));
      Status status = masks.mask(*stores_, tree, ignored.get(), &masked);
      masks.release(*stores_);
      return status;
    };
    return readers;
  }

  uint64_t references() const { return stores_->pages.stats().references + stores_->tables.stats().references; }

  PageTree good_;
  PageNumber recycled_page_, recycled_table_, users_page_;
};
ON_EACH_MEMORY(DamagedTables);

TEST_P(DamagedTables, EachReaderEndsWithAnErrorWhateverIsWrongAtWhicheverLevel) {
  for (unsigned level = 1; level <= kLevels; ++level) {
    for (const auto& [what, wrong] : wrong_children(level)) {
      SCOPED_TRACE(testing::Message() << what << ", at level " << level);
      const uint64_t before = references();
      const PageTree bad = make_damaged(level, wrong);
      const uint64_t made = references();
      for (const auto& [name, read] : readers()) {
        EXPECT_TRUE(refused(read(bad), Error::damaged)) << name;
        EXPECT_EQ(references(), made) << name;
      }
      // Beside the damage all can be read.
      Child child = Child::absent;
      EXPECT_TRUE(ok(PageTables(*stores_).page_at(bad, 0x22345, &child)));
      EXPECT_TRUE(child != Child::absent && page_is(stores_->pages.bytes(number_of(child)), 6));
      // What is there is given back. A table that others have, too, is not looked into.
      const Status status = OwnedTree(*stores_, bad).give_back();
      EXPECT_TRUE(status.is_ok() || status.error() == Error::damaged);
      EXPECT_EQ(references(), before);
    }
  }
}

TEST_P(DamagedTables, WhoGoesToTheEndFindsTablesOfAnotherLevel) {
  const char* const all[] = {"differences from nothing",
                             "differences to nothing",
                             "differences from the good tree",
                             "differences to the good tree",
                             "diff",
                             "fingerprint",
                             "mask"};
  for (unsigned level = 1; level <= kLevels; ++level) {
    for (const auto& [what, wrong] : wrong_levels(level)) {
      SCOPED_TRACE(testing::Message() << what << ", at level " << level);
      const uint64_t before = references();
      const PageTree bad = make_damaged(level, wrong);
      const uint64_t made = references();
      const auto readers = this->readers();
      for (const char* name : all) {
        EXPECT_TRUE(refused(readers.at(name)(bad), Error::damaged)) << name;
        EXPECT_EQ(references(), made) << name;
      }
      for (const auto& [name, read] : readers) {
        const Status status = read(bad);
        EXPECT_TRUE(status.is_ok() || status.error() == Error::damaged) << name << ": " << status;
        EXPECT_EQ(references(), made) << name;
      }
      const Status status = OwnedTree(*stores_, bad).give_back();
      EXPECT_TRUE(status.is_ok() || status.error() == Error::damaged);
      EXPECT_EQ(references(), before);
    }
  }
}

TEST_P(DamagedTables, ReleaseSaysWhatItDidNotFindAndGivesBackAllElse) {
  for (unsigned level = 1; level <= kLevels; ++level) {
    const auto wrong = wrong_children(level);
    for (const char* what : {"beyond the top", "beyond all memory", "recycled", "of the other kind"}) {
      SCOPED_TRACE(testing::Message() << what << ", at level " << level);
      const uint64_t before = references();
      Snapshot snapshot;
      snapshot.memory = make_damaged(level, wrong.at(what));
      snapshot.ignored = tree_of({{1, 1}});
      EXPECT_TRUE(refused(pagestore::release(*stores_, &snapshot), Error::damaged));
      EXPECT_EQ(references(), before);
      // By a destructor, which cannot say so.
      { const OwnedTree owned(*stores_, make_damaged(level, wrong.at(what))); }
      EXPECT_EQ(references(), before);
    }
  }
}

TEST_P(DamagedTables, ATreeThatBecomesLowerIsCheckedToo) {
  for (const Child wrong : {page_child(page_number(0)), table_child(page_number(1000)), table_child(recycled_table_)}) {
    const uint64_t before = references();
    const PageTree leaf = tree_of({{0, 7}});
    const PageTree bad{store({wrong, leaf.root}), 2};
    {
      TreeEdit edit(*stores_, bad, 1);
      uint64_t pages;
      OwnedTree edited;
      ASSERT_TRUE(ok(edit.set(kFanOut, {})));
      EXPECT_TRUE(refused(edit.finish(&edited, &pages), Error::damaged));
    }
    EXPECT_TRUE(refused(OwnedTree(*stores_, bad).give_back(), Error::damaged));
    EXPECT_EQ(references(), before);
  }
}

// All of a tree's height, and each child leads back to where it is.
TEST_P(DamagedTables, AWalkInCirclesEnds) {
  for (const bool is_far : {false, true}) {
    Table all;
    all.fill(Child::absent);
    const PageNumber next = next_table();
    for (size_t slot = is_far ? kFanOut - 1 : 0; slot < kFanOut; ++slot) all[slot] = table_child(next);
    const PageTree bad{store(all), 13};
    ASSERT_EQ(number_of(bad.root), next);
    for (const auto& [name, read] : readers()) {
      const Status status = read(bad);
      EXPECT_TRUE(is_far ? status.is_ok() || status.error() == Error::damaged : refused(status, Error::damaged))
          << name;
    }
    const auto visit = [](VirtualPage, Child, Child) { return Status::ok(); };
    const PageTables tables(*stores_);
    EXPECT_TRUE(refused(tables.differences({}, bad, 0, UINT64_MAX, visit), Error::damaged));
    EXPECT_TRUE(refused(tables.differences(bad, good_, 0, UINT64_MAX, visit), Error::damaged));
    EXPECT_TRUE(refused(OwnedTree(*stores_, bad).give_back(), Error::damaged));
  }
}

// Each table is as it should be at its level, and all of them together would be a memory of 2^52 pages.
TEST_P(DamagedTables, AWalkThroughTablesThatLeadToOneAnotherAgainAndAgainEnds) {
  PageTree bad{store({page(1).take()}), 1};
  while (bad.levels < 13) {
    const PageNumber below = number_of(bad.root);
    for (size_t slot = 1; slot < kFanOut; ++slot) EXPECT_TRUE(ok(stores_->tables.ref(Holder::snapshot, &below, 1)));
    Table all;
    all.fill(bad.root);
    bad = {store(all), bad.levels + 1};
  }
  const auto visit = [](VirtualPage, Child, Child) { return Status::ok(); };
  const PageTables tables(*stores_);
  EXPECT_TRUE(refused(tables.differences({}, bad, 0, UINT64_MAX, visit), Error::damaged));
  EXPECT_TRUE(refused(tables.differences(bad, good_, 0, UINT64_MAX, visit), Error::damaged));
  EXPECT_TRUE(ok(tables.differences({}, bad, kDamaged, kDamaged, visit)));
  EXPECT_TRUE(ok(OwnedTree(*stores_, bad).give_back()));
}

TEST_P(DamagedTables, ARootThatIsNoneIsAnErrorAndNoOtherIsReferredTo) {
  const uint64_t before = references();
  for (const Child root : {page_child(page_number(0)), table_child(page_number(1000)), table_child(recycled_table_),
                           Child{kIsTable}, Child{UINT32_MAX}}) {
    const PageTree bad{root, kLevels};
    OwnedTree owned;
    EXPECT_TRUE(refused(OwnedTree::ref(*stores_, bad, &owned), Error::damaged));
    EXPECT_TRUE(refused(OwnedTree(*stores_, bad).give_back(), Error::damaged));
    for (const auto& [name, read] : readers()) {
      EXPECT_TRUE(refused(read(bad), Error::damaged)) << name;
    }
  }
  EXPECT_EQ(references(), before);
}

}  // namespace
}  // namespace pagestore::test

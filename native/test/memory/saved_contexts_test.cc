// What saved contexts leave in use of a stack, in memory that is made up; and which pages are looked through for that.
#include "memory/tracee/contexts/saved_contexts.h"

#include <bit>
#include <map>
#include <vector>

#include "memory/tracing.h"
#include "snapshot/tree_edit.h"
#include "store/shared_store.h"

namespace pagestore::test {
namespace {

constexpr uint64_t kCode = 0x5555'5555'0000, kHeap = 0x5555'5700'0000, kArea = 0x7fff'f7d0'0000;
constexpr uint64_t kGuard = 0xfedc'ba98'7654'3210;

class NoCode final : public MemoryReader {
 public:
  bool read(uint64_t, std::span<std::byte>) override { return false; }
};

class Contexts : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(ok(SharedStore::create({}, MemoryChoice::any, &store_)));
    ASSERT_TRUE(ok(open_snapshot_stores(*store_)));
    for (uint64_t page = 0; page < kPages; ++page) words_[kHeap + page * page_size()] = page + 1;
    code_.start = kCode, code_.end = kCode + page_size();
    memcpy(code_.permissions, "r-xp", 4);
  }
  void TearDown() override { store_->close(); }

  // What is dead of the stack in the end. All that is needed is in `contexts`, or in memory as it is now.
  AddressRange dead(SavedContexts* contexts, const AddressRange& whole) {
    const LockedStores stores(*store_);
    std::map<VirtualPage, std::vector<uint64_t>> pages;
    for (const auto& [address, word] : words_) {
      auto& page = pages[address / page_size()];
      page.resize(page_size() / sizeof(uint64_t));
      page[address % page_size() / sizeof(uint64_t)] = word;
    }
    TreeEdit edit(*stores, {}, 0);
    for (const auto& [virtual_page, words] : pages) {
      PageNumber number = kNoPage;
      EXPECT_TRUE(ok((*stores).pages.store(Holder::snapshot, std::as_bytes(std::span(words)).data(), 1, &number)));
      EXPECT_TRUE(ok(edit.set(virtual_page, {(*stores).pages, number})));
    }
    OwnedTree tree;
    uint64_t count = 0;
    EXPECT_TRUE(ok(edit.finish(&tree, &count)));
    NoCode none;
    SearchedStack stack{whole, {whole.start, whole.end - kInUse}, {}};
    EXPECT_TRUE(ok(contexts->set_guard(*stores, tree.get(), kArea)));
    EXPECT_TRUE(ok(contexts->leave_in_use(*stores, tree.get(), none, &stack)));
    return stack.dead;
  }
  void release(SavedContexts* contexts) { contexts->release(*LockedStores(*store_)); }

  std::unique_ptr<SavedContexts> contexts() {
    RegionList regions;
    EXPECT_TRUE(ok(regions.add(code_)));
    auto made = std::make_unique<SavedContexts>();
    made->set_code(regions.bytes());
    return made;
  }

  static constexpr uint64_t kPages = 100, kInUse = 4096;
  static constexpr AddressRange stack(uint64_t i) {
    return {0x7fff'f000'0000 + i * 0x80'0000, 0x7fff'f040'0000 + i * 0x80'0000};
  }

  SharedStore* store_ = nullptr;
  Region code_;
  std::map<uint64_t, uint64_t> words_;
};

uint64_t musl_word(uint64_t thread, uint64_t error) {
  return thread | error << 32;
}

TEST_F(Contexts, AreASinglePointerToAReturnAddressWhereverItLies) {
  const uint64_t pointer = stack(0).start + 0x10'0000;
  words_[pointer + 23 * sizeof(uint64_t)] = kCode + 5;
  for (const uint64_t address : {kHeap + 0x1010, stack(0).end - 0x100, stack(3).end - 0x100}) {
    const auto found = contexts();
    EXPECT_EQ(dead(found.get(), stack(0)).end, stack(0).end - kInUse);
    words_[address] = pointer;
    EXPECT_EQ(dead(found.get(), stack(0)).end, pointer - Registers::kRedZone);
    words_[address] = pointer - sizeof(uint64_t);  // from there it is too far
    EXPECT_EQ(dead(found.get(), stack(0)).end, stack(0).end - kInUse);
    words_.erase(address);
    release(found.get());
  }
}

TEST_F(Contexts, DoNotDependOnWhichStacksWereSearchedBefore) {
  const uint64_t pointer = stack(0).start + 0x10'0000;
  words_[pointer] = kCode + 5;
  words_[stack(6).end + 0x1000] = pointer;
  const auto many = contexts();
  for (uint64_t i = 1; i < 9; ++i) EXPECT_EQ(dead(many.get(), stack(i)).end, stack(i).end - kInUse);
  const auto one = contexts();
  for (const auto& found : {many.get(), one.get()}) {
    EXPECT_EQ(dead(found, stack(0)).end, pointer - Registers::kRedZone);
    release(found);
  }
}

TEST_F(Contexts, CostTheSameHoweverManyStacksThereAre) {
  constexpr uint64_t kStacks = 20;
  const auto found = contexts();
  // Between the stacks, and not in one.
  for (uint64_t page = 0; page < kPages; ++page) words_[kHeap + page * page_size()] = stack(page % kStacks).end + 8;
  for (uint64_t i = 0; i < kStacks; ++i) EXPECT_TRUE(ok(found->add_stack(stack(i))));
  dead(found.get(), stack(0));
  const uint64_t first = found->searched_pages();
  EXPECT_EQ(first, kPages);
  for (uint64_t i = 0; i < kStacks; ++i) dead(found.get(), stack(i));
  EXPECT_EQ(found->searched_pages(), first);
  words_[kHeap] = 1;
  for (uint64_t i = 0; i < kStacks; ++i) dead(found.get(), stack(i));
  EXPECT_EQ(found->searched_pages(), first + 1);
  // One more is looked for in all pages, and no other.
  dead(found.get(), stack(kStacks));
  EXPECT_EQ(found->searched_pages(), first + 1 + kPages);
  release(found.get());
}

TEST_F(Contexts, AreFoundOfAStackThatHasGrown) {
  const AddressRange whole = stack(0), above{whole.start + 0x20'0000, whole.end};
  const uint64_t pointer = whole.start + 0x10'0000;
  words_[pointer] = kCode + 5;
  words_[kHeap] = pointer;
  const auto found = contexts();
  EXPECT_EQ(dead(found.get(), above).end, above.end - kInUse);
  EXPECT_EQ(dead(found.get(), whole).end, pointer - Registers::kRedZone);
  EXPECT_EQ(dead(found.get(), above).end, above.end - kInUse);
  release(found.get());
}

TEST_F(Contexts, AreFoundOfAThousandStacksFarApart) {
  constexpr uint64_t kStacks = 1000, kApart = uint64_t{3} << 32;
  const auto at = [](uint64_t i) { return AddressRange{stack(0).start - i * kApart, stack(0).end - i * kApart}; };
  const auto found = contexts();
  for (uint64_t i = 0; i < kStacks; ++i) {
    if (i % 7 == 0) words_[at(i).start + 0x10'0000] = kCode + 5;
    if (i % 7 == 0) words_[kHeap + 0x20'0000 + i * sizeof(uint64_t)] = at(i).start + 0x10'0000;
    EXPECT_TRUE(ok(found->add_stack(at(i))));
  }
  for (const uint64_t i : {0, 6, 7, 8, 497, 500, 994, 999}) {
    const uint64_t end = i % 7 == 0 ? at(i).start + 0x10'0000 - Registers::kRedZone : at(i).end - kInUse;
    EXPECT_EQ(dead(found.get(), at(i)).end, end);
  }
  release(found.get());
}

#if defined(__x86_64__)

TEST_F(Contexts, AreFoundWithTheGuard) {
  const uint64_t pointer = stack(0).start + 0x10'0000;
  const auto found = contexts();
  words_[kHeap + 0x1010] = std::rotl(pointer ^ kGuard, 17);
  words_[kHeap + 0x1018] = std::rotl((kCode + 5) ^ kGuard, 17);
  EXPECT_EQ(dead(found.get(), stack(0)).end, stack(0).end - kInUse);
  words_[kArea + 0x30] = kGuard;
  EXPECT_EQ(dead(found.get(), stack(0)).end, pointer - Registers::kRedZone);
  words_[kArea + 0x30] = musl_word(1234, 11);
  EXPECT_EQ(dead(found.get(), stack(0)).end, stack(0).end - kInUse);
  release(found.get());
}

TEST_F(Contexts, AreSoughtAgainInAllMemoryOnlyForAnotherGuard) {
  const auto found = contexts();
  const auto searched = [&](uint64_t word) {
    const uint64_t before = found->searched_pages();
    words_[kArea + 0x30] = word;
    dead(found.get(), stack(0));
    return found->searched_pages() - before;
  };
  EXPECT_GE(searched(musl_word(1234, 0)), kPages);
  EXPECT_EQ(searched(musl_word(1234, 11)), 1);
  EXPECT_EQ(searched(musl_word(1 << 22, 4095)), 1);
  EXPECT_GE(searched(kGuard), kPages);
  EXPECT_EQ(searched(kGuard), 0);
  EXPECT_GE(searched(kGuard + 1), kPages);
  release(found.get());
}

#endif

}  // namespace
}  // namespace pagestore::test

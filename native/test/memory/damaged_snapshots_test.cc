// Memories whose snapshots lie in a damaged store: a capture, a restore and a map end with an error, and what is not
// damaged can be captured and restored as before.
#include <cstring>

#include "memory/local_memory.h"
#include "snapshot/snapshot_map.h"
#include "snapshot/stored_bytes.h"
#include "tracing.h"

namespace pagestore::test {
namespace {

constexpr size_t kPages = 40;

// The bytes of a page or table in a store. What a store never allows.
std::byte* bytes_of(const PageStore& store, pagestore::Child child) {
  return const_cast<std::byte*>(store.bytes(number_of(child)));
}

// While it lives, a page table of the tree says something else of the page at `virtual_page`, at `level`.
class WrongChild {
 public:
  WrongChild(SharedStore* store, const PageTree& tree, VirtualPage virtual_page, unsigned level, uint32_t wrong)
      : store_(store) {
    const LockedStores stores(*store_);
    pagestore::Child child = tree.root;
    for (unsigned at = tree.levels;; --at) {
      slot_ = bytes_of(stores->tables, child) + (virtual_page >> (at - 1) * kFanOutBits) % kFanOut * sizeof(child);
      if (at == level) break;
      memcpy(&child, slot_, sizeof(child));
    }
    memcpy(&before_, slot_, sizeof(before_));
    memcpy(slot_, &wrong, sizeof(wrong));
  }
  ~WrongChild() {
    const LockedStores stores(*store_);
    memcpy(slot_, &before_, sizeof(before_));
  }

 private:
  SharedStore* store_;
  std::byte* slot_;
  uint32_t before_;
};

// While it lives, one byte of a stored run is another.
class WrongByte {
 public:
  WrongByte(SharedStore* store, const PageTree& tree, uint64_t offset) : store_(store) {
    const LockedStores stores(*store_);
    pagestore::Child page;
    EXPECT_TRUE(ok(PageTables(*stores).page_at(tree, offset / page_size(), &page)));
    byte_ = bytes_of(stores->pages, page) + offset % page_size();
    *byte_ ^= std::byte{1};
  }
  ~WrongByte() {
    const LockedStores stores(*store_);
    *byte_ ^= std::byte{1};
  }

 private:
  SharedStore* store_;
  std::byte* byte_;
};

// Of a child of a table at `level`: beyond the top, and of the other kind.
std::vector<uint32_t> wrong_children(unsigned level) {
  return level == 1 ? std::vector<uint32_t>{900'000, kIsTable | 1} : std::vector<uint32_t>{kIsTable | 900'000, 1};
}

class DamagedLocal : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(ok(SharedStore::create({}, MemoryChoice::any, &store_)));
    ASSERT_TRUE(ok(LocalMemory::open(store_, TrackerKind::none, 0, &memory_)));
    first_.emplace(store_, capture(1));
    second_.emplace(store_, capture(2));
  }
  void TearDown() override {
    first_.reset();
    second_.reset();
    memory_->release(*LockedStores(*store_));
    EXPECT_EQ(LockedStores(*store_)->pages.size(), 0u);
    EXPECT_EQ(LockedStores(*store_)->tables.size(), 0u);
    store_->close();
  }

  void locate() { memory_->locate({bytes_.data(), bytes_.size(), false}, {}); }
  Snapshot capture(uint64_t content) {
    for (size_t i = 0; i < kPages; ++i) fill_page(bytes_.data() + i * page_size(), content * 1000 + i);
    Snapshot snapshot;
    locate();
    EXPECT_TRUE(ok(memory_->capture(&snapshot)));
    return snapshot;
  }
  void expect_restored(const ScopedSnapshot& snapshot, uint64_t content) {
    locate();
    ASSERT_TRUE(ok(memory_->restore(*snapshot)));
    for (size_t i = 0; i < kPages; ++i) ASSERT_TRUE(page_is(bytes_.data() + i * page_size(), content * 1000 + i));
  }

  SharedStore* store_ = nullptr;
  std::unique_ptr<LocalMemory> memory_;
  Bytes bytes_ = Bytes(kPages * page_size());
  std::optional<ScopedSnapshot> first_, second_;
};

TEST_F(DamagedLocal, ARestoreEndsWithAnErrorAndTheNextOneIsWhole) {
  for (const unsigned level : {1u, 2u}) {
    for (const uint32_t wrong : wrong_children(level)) {
      {
        const WrongChild damage(store_, (*first_)->memory, 20, level, wrong);
        locate();
        EXPECT_TRUE(refused(memory_->restore(**first_), Error::damaged));
        expect_restored(*second_, 2);
      }
      expect_restored(*first_, 1);
      Snapshot again;
      ASSERT_TRUE(ok(memory_->capture(&again)));
      EXPECT_TRUE(equal(again, **first_));
      EXPECT_TRUE(ok(release(*LockedStores(*store_), &again)));
    }
  }
}

TEST_F(DamagedLocal, ACaptureAfterADamagedSnapshotEndsWithAnError) {
  for (const unsigned level : {1u, 2u}) {
    for (const uint32_t wrong : wrong_children(level)) {
      expect_restored(*first_, 1);
      bytes_[0] ^= std::byte{1};
      Snapshot snapshot;
      {
        const WrongChild damage(store_, (*first_)->memory, 20, level, wrong);
        EXPECT_TRUE(refused(memory_->capture(&snapshot), Error::damaged));
        EXPECT_EQ(snapshot.memory, PageTree{});
      }
      ASSERT_TRUE(ok(memory_->capture(&snapshot)));
      EXPECT_FALSE(equal(snapshot, **first_));
      EXPECT_TRUE(ok(release(*LockedStores(*store_), &snapshot)));
    }
  }
}

TEST_F(DamagedLocal, AMapADifferenceAndAReadEndWithAnErrorAndLeaveNothing) {
  const AddressRange all{0, kPages * page_size()};
  for (const unsigned level : {1u, 2u}) {
    for (const uint32_t wrong : wrong_children(level)) {
      const uint64_t before = store_->stats().references;
      {
        const WrongChild damage(store_, (*first_)->memory, 20, level, wrong);
        SnapshotMap* map;
        EXPECT_TRUE(refused(SnapshotMap::make(store_, (*first_)->memory, all, &map), Error::damaged));
        EXPECT_EQ(map, nullptr);
        GrowingArray<AddressRange> ranges;
        Bytes bytes(all.length());
        const LockedStores stores(*store_);
        EXPECT_TRUE(refused(difference(*stores, **first_, **second_, &ranges), Error::damaged));
        EXPECT_TRUE(refused(read_snapshot(*stores, **first_, all, bytes), Error::damaged));
      }
      EXPECT_EQ(store_->stats().references, before);
      SnapshotMap* map;
      ASSERT_TRUE(ok(SnapshotMap::make(store_, (*first_)->memory, all, &map)));
      EXPECT_TRUE(page_is(map->data() + 20 * page_size(), 1020));
      map->close();
    }
  }
}

TEST_F(DamagedLocal, FalseRegionsAreNoLengthToRestoreToAndNoRangeToMap) {
  for (uint64_t offset = 0; offset < kStoredHeadBytes + 24; ++offset) {
    const WrongByte damage(store_, (*first_)->regions, offset);
    locate();
    EXPECT_TRUE(refused(memory_->restore(**first_), Error::damaged)) << offset;
  }
  expect_restored(*first_, 1);
}

TEST(DamagedTracee, ARestoreEndsWithAnErrorBeforeAnythingIsChanged) {
  Program program({test::program("state"), "registers"});
  ASSERT_TRUE(stopped(program.resume(), StopKind::assertion));
  const ScopedSnapshot saved = program.capture();
  ASSERT_TRUE(stopped(program.resume(), StopKind::assertion));
  const ScopedSnapshot later = program.capture();
  for (const PageTree& tree : {saved->threads, saved->regions}) {
    for (const uint64_t offset : {uint64_t{0}, uint64_t{8}, uint64_t{16}, uint64_t{kStoredHeadBytes},
                                  uint64_t{kStoredHeadBytes} + 100, uint64_t{kStoredHeadBytes} + 500}) {
      const WrongByte damage(program.store(), tree, offset);
      EXPECT_TRUE(refused(program->restore(*saved), Error::damaged)) << offset;
      EXPECT_TRUE(equal(*program.capture(), *later));
    }
  }
  program.restore(saved);
  EXPECT_TRUE(equal(*program.capture(), *saved));
  ASSERT_TRUE(stopped(program.resume(), StopKind::assertion));
}

TEST(DamagedTracee, ARestoreOfDamagedMemoryEndsWithAnErrorAndTheNextOneIsWhole) {
  Program program({test::program("state"), "registers"});
  ASSERT_TRUE(stopped(program.resume(), StopKind::assertion));
  const ScopedSnapshot saved = program.capture();
  const Stop stop = program.resume();
  ASSERT_TRUE(stopped(stop, StopKind::assertion));
  const ScopedSnapshot later = program.capture();
  // A page in which the two differ.
  GrowingArray<AddressRange> ranges;
  ASSERT_TRUE(ok(difference(*LockedStores(*program.store()), *saved, *later, &ranges)));
  ASSERT_FALSE(ranges.empty());
  const VirtualPage page = ranges[0].start / page_size();
  for (unsigned level = 1; level < saved->memory.levels; ++level) {
    for (const uint32_t wrong : wrong_children(level)) {
      {
        const WrongChild damage(program.store(), saved->memory, page, level, wrong);
        EXPECT_TRUE(refused(program->restore(*saved), Error::damaged)) << level;
      }
      program.restore(saved);
      EXPECT_TRUE(equal(*program.capture(), *saved));
      program.restore(later);
      EXPECT_TRUE(equal(*program.capture(), *later));
    }
  }
}

}  // namespace
}  // namespace pagestore::test

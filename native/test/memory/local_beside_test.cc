// Bytes beside a memory of our own: captured, compared, counted and put back with it, whatever the memory does.
#include <array>
#include <cstring>
#include <random>

#include "memory/local_memory.h"
#include "snapshot/valid_trees.h"
#include "tracing.h"

namespace pagestore::test {
namespace {

constexpr size_t kMostPages = 300, kBesidePages = 2;
constexpr uint64_t kFirstBeside = 1 << 20;  // a virtual page

// A memory that may grow, and pages beside it, in a store of their own.
class Beside : public testing::TestWithParam<TrackerKind> {
 protected:
  void SetUp() override {
    if (!Tracker::is_supported(GetParam())) GTEST_SKIP() << "this kernel has no such tracker";
    ASSERT_TRUE(ok(SharedStore::create({}, MemoryChoice::any, &store_)));
    memory_ = open();
    locate(pages_, kBesidePages);
  }

  void TearDown() override {
    if (store_ == nullptr) return;
    close(std::move(memory_));
    EXPECT_EQ(LockedStores(*store_)->pages.size(), 0u);
    store_->close();
  }

  std::unique_ptr<LocalMemory> open(uint64_t first_beside = kFirstBeside) {
    std::unique_ptr<LocalMemory> memory;
    EXPECT_TRUE(ok(LocalMemory::open(store_, GetParam(), first_beside * page_size(), &memory)));
    return memory;
  }

  void close(std::unique_ptr<LocalMemory> memory) { memory->release(*LockedStores(*store_)); }

  void locate(size_t pages, size_t beside) {
    pages_ = pages;
    memory_->locate({bytes_.data(), pages * page_size(), false}, {beside_.data(), beside * page_size()});
  }

  ScopedSnapshot capture(LocalMemory& memory) {
    Snapshot snapshot;
    EXPECT_TRUE(ok(memory.capture(&snapshot)));
    const LockedStores stores(*store_);
    EXPECT_TRUE(ok(memory.captured().mask(*stores, &snapshot)));
    EXPECT_TRUE(ok(memory.captured().make_key(*stores, &snapshot)));
    EXPECT_TRUE(are_valid(*stores, std::array{snapshot.memory, snapshot.masked}));
    return {store_, snapshot};
  }
  ScopedSnapshot capture() { return capture(*memory_); }

  // What a snapshot has of the page `first`.
  Bytes page_in(const Snapshot& snapshot, VirtualPage first) {
    Bytes page(page_size());
    const AddressRange range{first * page_size(), (first + 1) * page_size()};
    EXPECT_TRUE(ok(read_snapshot(*LockedStores(*store_), snapshot, range, page)));
    return page;
  }

  std::byte* page(size_t index) { return bytes_.data() + index * page_size(); }
  std::byte* beside(size_t index) { return beside_.data() + index * page_size(); }

  SharedStore* store_ = nullptr;
  std::unique_ptr<LocalMemory> memory_;
  Mapping bytes_ = Mapping::anonymous(kMostPages * page_size());
  Mapping beside_ = Mapping::anonymous(kBesidePages * page_size());
  size_t pages_ = 100;
};
INSTANTIATE_TEST_SUITE_P(, Beside, testing::Values(TrackerKind::write_protect, TrackerKind::none),
                         [](const auto& info) { return info.param == TrackerKind::none ? "none" : "write_protect"; });

TEST_P(Beside, EachByteCountsAndIsPutBack) {
  const ScopedSnapshot empty = capture();
  EXPECT_EQ(empty->pages, 0u);
  for (const size_t at : {size_t{0}, page_size() - 1, page_size(), kBesidePages * page_size() - 1}) {
    beside_.data()[at] = std::byte{7};
    {
      const ScopedSnapshot changed = capture();
      EXPECT_NE(changed->key, empty->key) << at;
      EXPECT_EQ(changed->pages, 1u);
      ASSERT_TRUE(ok(memory_->restore(*empty)));
      EXPECT_EQ(beside_.data()[at], std::byte{0}) << at;
      ASSERT_TRUE(ok(memory_->restore(*changed)));
      EXPECT_EQ(beside_.data()[at], std::byte{7}) << at;
      ASSERT_TRUE(ok(memory_->restore(*empty)));
    }
    EXPECT_EQ(capture()->key, empty->key) << at;
  }
}

TEST_P(Beside, TheSameBytesInTheMemoryAreAnotherState) {
  fill_page(page(0), 1);
  const ScopedSnapshot inside = capture();
  memset(page(0), 0, page_size());
  fill_page(beside(0), 1);
  const ScopedSnapshot outside = capture();
  EXPECT_NE(inside->memory, outside->memory);
  EXPECT_NE(inside->key, outside->key);
}

TEST_P(Beside, StayWhereTheyAreWhenTheMemoryGrowsAndShrinks) {
  fill_page(beside(1), 1);
  fill_page(page(99), 2);
  const ScopedSnapshot small = capture();
  locate(kMostPages, kBesidePages);
  fill_page(page(kMostPages - 1), 3);
  const ScopedSnapshot large = capture();
  EXPECT_EQ(page_in(*large, kFirstBeside + 1), page_of(1));
  fill_page(beside(1), 4);
  ASSERT_TRUE(ok(memory_->restore(*small)));
  EXPECT_TRUE(page_is(beside(1), 1));
  EXPECT_TRUE(page_is(page(99), 2));
  EXPECT_EQ(Bytes(page(kMostPages - 1), page(kMostPages)), Bytes(page_size()));
  locate(100, kBesidePages);
  EXPECT_TRUE(refused(memory_->restore(*large), Error::memory_size));
  EXPECT_EQ(capture()->key, small->key);
}

TEST_P(Beside, AMemoryThatGrowsOverThemIsRefusedAndLeftAsItIs) {
  close(std::move(memory_));
  memory_ = open(100);
  locate(100, kBesidePages);
  fill_page(beside(0), 1);
  const ScopedSnapshot before = capture();
  EXPECT_EQ(page_in(*before, 100), page_of(1));
  locate(101, kBesidePages);
  Snapshot none;
  EXPECT_TRUE(refused(memory_->capture(&none), Error::memory_size));
  fill_page(beside(0), 2);
  EXPECT_TRUE(refused(memory_->restore(*before), Error::memory_size));
  EXPECT_TRUE(page_is(beside(0), 2));
  locate(100, kBesidePages);
  ASSERT_TRUE(ok(memory_->restore(*before)));
  EXPECT_TRUE(page_is(beside(0), 1));
}

TEST_P(Beside, ASnapshotWithoutThemMakesThemZero) {
  // Two memories cannot be tracked at one place: this one lies elsewhere.
  Mapping other = Mapping::anonymous(pages_ * page_size());
  auto plain = open();
  plain->locate({other.data(), other.bytes(), false}, {});
  fill_page(other.data() + 3 * page_size(), 3);
  {
    const ScopedSnapshot without = capture(*plain);
    fill_page(beside(0), 1);
    ASSERT_TRUE(ok(memory_->restore(*without)));
    EXPECT_EQ(Bytes(beside(0), beside(1)), Bytes(page_size()));
    EXPECT_TRUE(page_is(page(3), 3));
  }
  close(std::move(plain));
}

TEST_P(Beside, TheyAreReadAndListedAtTheirAddress) {
  fill_page(beside(1), 5);
  Bytes read(page_size());
  const uint64_t address = kFirstBeside * page_size();
  ASSERT_TRUE(ok(memory_->read(address + page_size(), read)));
  EXPECT_EQ(read, page_of(5));
  EXPECT_TRUE(refused(memory_->read(address - 1, read), Error::address));
  EXPECT_TRUE(refused(memory_->read(address + page_size() + 1, read), Error::address));
  EXPECT_TRUE(refused(memory_->read(UINT64_MAX, read), Error::address));
  const RegionList* regions;
  ASSERT_TRUE(ok(memory_->regions(&regions)));
  RegionReader reader(regions->bytes());
  Region region;
  ASSERT_TRUE(reader.next(&region) && reader.next(&region));
  EXPECT_EQ(region.start, address);
  EXPECT_EQ(region.end, address + kBesidePages * page_size());
  EXPECT_FALSE(reader.next(&region));
}

TEST_P(Beside, AnyOrderOfChangesGoesBackAsThePlainBytesDo) {
  const auto seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  const auto below = [&](size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random); };
  struct Kept {
    ScopedSnapshot snapshot;
    size_t pages;
    Bytes bytes, beside;
  };
  std::vector<Kept> kept;
  for (int step = 0; step < 400; ++step) {
    for (size_t writes = below(4); writes > 0; --writes) fill_page(page(below(pages_)), below(3));
    if (below(2) == 0) fill_page(beside(below(kBesidePages)), below(3));
    if (below(8) == 0) locate(pages_ + below(kMostPages - pages_ + 1), kBesidePages);
    if (kept.empty() || below(2) == 0) {
      kept.push_back({capture(), pages_, Bytes(page(0), page(pages_)), Bytes(beside(0), beside(kBesidePages))});
    } else {
      const Kept& to = kept[below(kept.size())];
      ASSERT_TRUE(ok(memory_->restore(*to.snapshot)));
      Bytes wanted = to.bytes;
      wanted.resize(pages_ * page_size());
      ASSERT_EQ(memcmp(page(0), wanted.data(), wanted.size()), 0) << step;
      ASSERT_EQ(memcmp(beside(0), to.beside.data(), to.beside.size()), 0) << step;
      if (to.pages == pages_) {
        ASSERT_EQ(capture()->key, to.snapshot->key) << step;
      }
    }
  }
}

}  // namespace
}  // namespace pagestore::test

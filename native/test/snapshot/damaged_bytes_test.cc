// Stored bytes that are not what was stored: whoever reads them back gets an error, and never a length that is false.
#include <cstring>
#include <functional>

#include "snapshot/masks.h"
#include "snapshot/snapshot.h"
#include "snapshot/snapshot_map.h"
#include "snapshot/stored_regions.h"
#include "snapshot/trees.h"
#include "system/region.h"

namespace pagestore::test {
namespace {

class DamagedBytes : public OnTrees {
 protected:
  // A run of that length.
  PageTree store(size_t length) {
    Bytes bytes(length);
    for (size_t i = 0; i < length; ++i) bytes[i] = static_cast<std::byte>(i * 7 + i / 256 + 1);
    OwnedTree tree;
    EXPECT_TRUE(ok(store_bytes(*stores_, bytes, &tree)));
    return tree.take();
  }

  // Some regions, with paths so long that the list has several pages.
  PageTree store_regions() {
    RegionList list;
    for (uint64_t i = 1; i <= 40; ++i) {
      const std::string path = "/" + std::string(300, 'x') + std::to_string(i);
      EXPECT_TRUE(ok(list.add({i << 20, (i << 20) + (1 << 19), 0, {'r', 'w', '-', 'p'}, path})));
    }
    OwnedTree tree;
    EXPECT_TRUE(ok(store_bytes(*stores_, list.bytes(), &tree)));
    return tree.take();
  }

  // Of the run, a byte of its head or of the bytes. What a store never allows.
  std::byte& byte_at(const PageTree& tree, uint64_t offset) {
    Child page = Child::absent;
    EXPECT_TRUE(ok(PageTables(*stores_).page_at(tree, offset / page_size(), &page)));
    return const_cast<std::byte*>(stores_->pages.bytes(number_of(page)))[offset % page_size()];
  }
  uint64_t length_of(const PageTree& tree) {
    uint64_t length = 0;
    EXPECT_TRUE(ok(stored_length(*stores_, tree, &length)));
    return length;
  }

  using Reader = std::function<Status(const PageTree& tree)>;
  // All that reads a list of regions.
  std::vector<Reader> region_readers() {
    return {[this](const PageTree& tree) {
              GrowingArray<std::byte> bytes;
              return read_regions(*stores_, tree, &bytes);
            },
            [this](const PageTree& tree) {
              return check_covered(*stores_, tree, {1 << 20, (1 << 20) + 8});
            },
            [this](const PageTree& tree) {
              uint64_t end;
              return find_end(*stores_, tree, UINT64_MAX, &end);
            },
            [this](const PageTree& tree) {
              Snapshot snapshot;
              snapshot.regions = tree;
              Bytes bytes(8);
              return read_snapshot(*stores_, snapshot, {1 << 20, (1 << 20) + 8}, bytes);
            }};
  }
};
ON_EACH_MEMORY(DamagedBytes);

TEST_P(DamagedBytes, EachByteOfARunCounts) {
  for (const size_t length : {size_t{1}, size_t{200}, page_size(), 3 * page_size()}) {
    const PageTree tree = store(length);
    const size_t step = length < 300 ? 1 : 97;
    for (size_t offset = 0; offset < kStoredHeadBytes + length; offset += offset < 300 ? 1 : step) {
      std::byte& byte = byte_at(tree, offset);
      for (const unsigned bit : {0, 3, 7}) {
        byte ^= std::byte{1} << bit;
        GrowingArray<std::byte> bytes;
        EXPECT_TRUE(refused(read_stored_bytes(*stores_, tree, &bytes), Error::damaged)) << offset;
        Bytes as_many(length);
        EXPECT_TRUE(refused(read_stored_bytes(*stores_, tree, as_many), Error::damaged)) << offset;
        uint64_t stored;
        const Status status = stored_length(*stores_, tree, &stored);
        EXPECT_TRUE(offset < kStoredHeadBytes ? refused(status, Error::damaged) : ok(status)) << offset;
        byte ^= std::byte{1} << bit;
      }
    }
    GrowingArray<std::byte> bytes;
    EXPECT_TRUE(ok(read_stored_bytes(*stores_, tree, &bytes)));
    release(tree);
  }
  expect_empty();
}

TEST_P(DamagedBytes, AFalseLengthIsNotBelieved) {
  const PageTree tree = store_regions();
  const uint64_t length = length_of(tree);
  uint64_t before;
  memcpy(&before, &byte_at(tree, 0), sizeof(before));
  ASSERT_EQ(before, length);
  // More than there is, more than any memory, more than addresses; and less.
  for (const uint64_t wrong : {length + 8, length - 8, uint64_t{0}, uint64_t{1} << 36, uint64_t{1} << 60, UINT64_MAX}) {
    memcpy(&byte_at(tree, 0), &wrong, sizeof(wrong));
    for (const Reader& read : region_readers()) EXPECT_TRUE(refused(read(tree), Error::damaged)) << wrong;
  }
  memcpy(&byte_at(tree, 0), &before, sizeof(before));
  for (const Reader& read : region_readers()) EXPECT_TRUE(ok(read(tree)));
  release(tree);
  expect_empty();
}

TEST_P(DamagedBytes, AFalseLengthWithinAListOfRegionsIsNotBelieved) {
  const PageTree tree = store_regions();
  // Of the path of the second region, and of the last.
  for (const uint64_t header : {uint64_t{1}, uint64_t{39}}) {
    const uint64_t at =
        kStoredHeadBytes + header * (sizeof(RegionHeader) + 304) + offsetof(RegionHeader, permissions) + 4;
    const std::byte before = byte_at(tree, at);
    byte_at(tree, at) = std::byte{255};
    for (const Reader& read : region_readers()) EXPECT_TRUE(refused(read(tree), Error::damaged)) << header;
    byte_at(tree, at) = before;
  }
  for (const Reader& read : region_readers()) EXPECT_TRUE(ok(read(tree)));
  release(tree);
  expect_empty();
}

// A page of the run was recycled, and its slot has another page that is as it should be.
TEST_P(DamagedBytes, APageOfAnotherRunInThePlaceOfOneIsNoticed) {
  for (const VirtualPage replaced : {VirtualPage{0}, VirtualPage{2}}) {
    const PageTree regions = store_regions(), other = store(4 * page_size());
    Child page;
    ASSERT_TRUE(ok(PageTables(*stores_).page_at(other, replaced, &page)));
    TreeEdit edit(*stores_, regions, 0);
    OwnedPage taken;
    OwnedTree mixed;
    uint64_t pages;
    ASSERT_TRUE(ok(OwnedPage::ref(stores_->pages, page, &taken)));
    ASSERT_TRUE(ok(edit.set(replaced, std::move(taken))));
    ASSERT_TRUE(ok(edit.finish(&mixed, &pages)));
    for (const Reader& read : region_readers()) EXPECT_TRUE(refused(read(mixed.get()), Error::damaged)) << replaced;
    ASSERT_TRUE(ok(mixed.give_back()));
    release(regions);
    release(other);
  }
  expect_empty();
}

TEST_P(DamagedBytes, BytesThatAreNoRunAreNone) {
  const PageTree tree = tree_of({{0, 1}, {1, 2}});
  for (const Reader& read : region_readers()) EXPECT_TRUE(refused(read(tree), Error::damaged));
  release(tree);
  const PageTree without_head = tree_of({{1, 2}});
  for (const Reader& read : region_readers()) EXPECT_TRUE(refused(read(without_head), Error::damaged));
  release(without_head);
  expect_empty();
}

TEST_P(DamagedBytes, MasksAndKeysEndWithAnErrorToo) {
  const PageTree memory = tree_of({{0, 1}});
  const AddressRange ranges[] = {{16, 32}, {64, 80}};
  OwnedTree ignored, masked;
  ASSERT_TRUE(ok(store_bytes(*stores_, std::as_bytes(std::span(ranges)), &ignored)));
  Masks masks;
  byte_at(ignored.get(), kStoredHeadBytes + 3) ^= std::byte{1};
  EXPECT_TRUE(refused(masks.mask(*stores_, memory, ignored.get(), &masked), Error::damaged));
  byte_at(ignored.get(), kStoredHeadBytes + 3) ^= std::byte{1};
  EXPECT_TRUE(ok(masks.mask(*stores_, memory, ignored.get(), &masked)));
  masks.release(*stores_);

  Snapshot snapshot;
  snapshot.tracked = store(24);
  for (const uint64_t at : {uint64_t{0}, uint64_t{kStoredHeadBytes} + 5}) {
    byte_at(snapshot.tracked, at) ^= std::byte{1};
    EXPECT_TRUE(refused(make_key(*stores_, &snapshot), Error::damaged));
    EXPECT_EQ(snapshot.key, Child::absent);
    byte_at(snapshot.tracked, at) ^= std::byte{1};
  }
  ASSERT_TRUE(ok(make_key(*stores_, &snapshot)));
  byte_at(snapshot.tracked, 0) ^= std::byte{1};
  EXPECT_TRUE(refused(keep_key_alone(*stores_, &snapshot), Error::damaged));
  EXPECT_FALSE(snapshot.is_key_alone);
  byte_at(snapshot.tracked, 0) ^= std::byte{1};
  EXPECT_TRUE(ok(pagestore::release(*stores_, &snapshot)));
  EXPECT_TRUE(ok(ignored.give_back()));
  EXPECT_TRUE(ok(masked.give_back()));
  release(memory);
  expect_empty();
}

}  // namespace
}  // namespace pagestore::test

// Pages of a file in a tree against the file itself: random contents, with holes, read and written back.
#include "memory/tracee/file_pages.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <random>
#include <string>

#include "snapshot/page_tree.h"
#include "store/shared_store.h"
#include "support.h"
#include "system/scoped_fd.h"

namespace pagestore::test {

namespace {

constexpr FilePart kPart{VirtualPage{7} << kFilePageBits, 100};

class FilePages : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(ok(SharedStore::create({}, MemoryChoice::any, &store_)));
    ASSERT_TRUE(ok(open_snapshot_stores(*store_)));
  }
  void TearDown() override { store_->close(); }

  void fill(const std::string& text) {
    ASSERT_EQ(ftruncate(file_.get(), 0), 0);
    ASSERT_EQ(pwrite(file_.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  }
  std::string contents() const {
    std::string text(static_cast<size_t>(lseek(file_.get(), 0, SEEK_END)), '\0');
    EXPECT_EQ(pread(file_.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    return text;
  }
  void read(PageStores& stores, uint64_t start, PageTree* tree, uint64_t end = FileRanges::kEnd) {
    OwnedTree next;
    FileRead result;
    const auto length = static_cast<uint64_t>(lseek(file_.get(), 0, SEEK_END));
    ASSERT_TRUE(ok(read_file_pages(stores, {file_.get(), {kPart.first, start}, end, length}, *tree, &next, &result)));
    ASSERT_EQ(result, FileRead::done);
    replace(stores, tree, std::move(next));
  }

  // Returns errno.
  int write_back(PageStores& stores, const FileWrite& write) {
    int error_number = 0;
    EXPECT_TRUE(ok(write_file_pages(stores, file_.get(), kPart, write, &error_number)));
    return error_number;
  }

  const ScopedFd file_{memfd_create("file", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
  SharedStore* store_ = nullptr;
};

// Zeroes, a page's end, and short texts, so that pages are the same, alike and absent.
std::string random_text(std::mt19937& random) {
  std::string text(kPart.start, 'b');
  for (int i = 0; i < 4; ++i) {
    const size_t length = random() % 9000;
    text.append(length, "\0ab"[random() % 3]);
  }
  return text;
}

TEST_F(FilePages, AreWrittenBackFromAnyStateToAnyOther) {
  const auto seed = std::random_device()();
  RecordProperty("seed", std::to_string(seed));
  std::mt19937 random(seed);
  constexpr size_t kStates = 8;
  std::string texts[kStates];
  PageTree trees[kStates];
  const LockedStores stores(*store_);
  for (size_t i = 0; i < kStates; ++i) {
    texts[i] = random_text(random);
    fill(texts[i]);
    read(*stores, kPart.start, &trees[i]);
  }
  size_t now = kStates - 1;
  for (int i = 0; i < 200; ++i) {
    const size_t to = random() % kStates;
    FileRanges unknown;
    for (auto count = random() % 7; count > 0; --count) {  // what is there is another by now
      const std::string other(random() % 5000, 'x');
      const uint64_t at = kPart.start + random() % (texts[now].size() - kPart.start + 1);
      ASSERT_EQ(pwrite(file_.get(), other.data(), other.size(), static_cast<off_t>(at)),
                static_cast<ssize_t>(other.size()));
      unknown.add(at, random() % 4 == 0 ? FileRanges::kEnd : at + other.size());
    }
    unknown.add(texts[now].size(), FileRanges::kEnd);
    const FileWrite write{trees[now], trees[to], unknown, texts[to].size()};
    ASSERT_EQ(write_back(*stores, write), 0);
    ASSERT_TRUE(contents() == texts[to]) << "seed " << seed << ", round " << i;
    now = to;
  }
  for (PageTree& tree : trees) give_back(*stores, &tree);
  EXPECT_EQ(stores->pages.stats().pages, 0u);
  EXPECT_EQ(stores->tables.stats().pages, 0u);
}

TEST_F(FilePages, AreWrittenWithoutAShorterFileInBetween) {
  const LockedStores stores(*store_);
  PageTree before, after;
  fill(std::string(kPart.start, 'b') + std::string(30000, 'a'));
  read(*stores, kPart.start, &before);
  fill(std::string(kPart.start, 'b') + std::string(9000, 'c') + std::string(9000, '\0') + std::string(20000, 'd'));
  read(*stores, kPart.start, &after);
  ASSERT_EQ(fcntl(file_.get(), F_ADD_SEALS, F_SEAL_SHRINK), 0);
  const uint64_t length = kPart.start + 38000;
  for (const uint64_t known : {kPart.start, length}) {
    FileRanges unknown;
    unknown.add(known, FileRanges::kEnd);
    ASSERT_EQ(write_back(*stores, {after, before, unknown, length}), 0);
    EXPECT_EQ(contents(), std::string(kPart.start, 'b') + std::string(30000, 'a') + std::string(8000, '\0'));
    ASSERT_EQ(write_back(*stores, {before, after, unknown, length}), 0);
    EXPECT_EQ(contents().substr(kPart.start + 9000, 9001), std::string(9000, '\0') + "d");
  }
  give_back(*stores, &before);
  give_back(*stores, &after);
}

TEST_F(FilePages, AreReadAgainFromWhereTheyChanged) {
  const LockedStores stores(*store_);
  PageTree tree, anew;
  fill(std::string(20000, 'a'));
  read(*stores, 0, &tree);
  fill(std::string(9000, 'a') + std::string(3000, 'c'));
  read(*stores, 9000, &tree);
  read(*stores, 0, &anew);
  EXPECT_EQ(tree, anew);
  bool is_same = false;
  EXPECT_TRUE(ok(compare_file_pages(*stores, {kPart.first, 0}, tree, anew, &is_same)));
  EXPECT_TRUE(is_same);
  OwnedTree without;
  ASSERT_TRUE(ok(remove_file_pages(*stores, {kPart.first, 0}, tree, &without)));
  EXPECT_EQ(without.get(), PageTree{});
  give_back(*stores, &tree);
  give_back(*stores, &anew);
}

TEST_F(FilePages, AreReadAgainWhereTheyChangedAlone) {
  const LockedStores stores(*store_);
  PageTree tree, anew;
  fill(std::string(200'000, 'a'));
  read(*stores, 0, &tree);
  ASSERT_EQ(pwrite(file_.get(), "x", 1, 5000), 1);
  ASSERT_EQ(pwrite(file_.get(), "y", 1, 100'000), 1);
  ASSERT_EQ(pwrite(file_.get(), "z", 1, 150'000), 1);
  read(*stores, 5000, &tree, 5001);
  read(*stores, 100'000, &tree, 100'001);
  read(*stores, 0, &anew);
  EXPECT_NE(tree, anew);  // one of them was not read
  read(*stores, 150'000, &tree, 150'001);
  EXPECT_EQ(tree, anew);
  ASSERT_EQ(fallocate(file_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 40'000, 50'000), 0);
  read(*stores, 40'000, &tree, 90'000);
  read(*stores, 0, &anew);
  EXPECT_EQ(tree, anew);
  give_back(*stores, &tree);
  give_back(*stores, &anew);
}

TEST_F(FilePages, OfHolesAreNone) {
  const LockedStores stores(*store_);
  PageTree tree;
  ASSERT_EQ(ftruncate(file_.get(), off_t{1} << 40), 0);
  ASSERT_EQ(pwrite(file_.get(), "end", 3, (off_t{1} << 40) - 3), 3);
  read(*stores, 0, &tree);
  EXPECT_EQ(stores->pages.stats().pages, 1u);
  give_back(*stores, &tree);
}

}  // namespace

}  // namespace pagestore::test

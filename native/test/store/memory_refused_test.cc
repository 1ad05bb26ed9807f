// Memory that is not there: an error from a call, never a SIGBUS later, and everything as before.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "stores.h"

namespace pagestore::test {
namespace {

void fill(const PageMemory& memory) {
  for (size_t i = 0; i < memory.capacity(); ++i) fill_page(memory.page(page_number(i)), i);
}

void expect_filled(const PageMemory& memory, size_t pages) {
  ASSERT_EQ(memory.capacity(), pages);
  for (size_t i = 0; i < pages; ++i) ASSERT_TRUE(page_is(memory.page(page_number(i)), i)) << i;
}

class FullTmpfs : public testing::Test {
 protected:
  void SetUp() override {
    if (!open_huge_file().fd.is_open()) GTEST_SKIP() << strerror(errno);
  }
  // A file in a tmpfs of `mebibytes`, and a descriptor that tells how full that is.
  BackingFile file_of(size_t mebibytes) {
    BackingFile file = open_huge_file(mebibytes << 20);
    file_in_tmpfs_ = ScopedFd(fcntl(file.fd.get(), F_DUPFD_CLOEXEC, 0));
    return file;
  }
  uint64_t free_bytes() const {
    struct statfs status {};
    EXPECT_EQ(fstatfs(file_in_tmpfs_.get(), &status), 0);
    return status.f_bfree * static_cast<uint64_t>(status.f_bsize);
  }

 private:
  ScopedFd file_in_tmpfs_;
};

TEST_F(FullTmpfs, IsAnErrorFromACallAndNeverASigbusLater) {
  PageMemory memory(file_of(6));
  ASSERT_TRUE(ok(memory.grow(pages_in(4))));
  fill(memory);
  const Status status = memory.grow(pages_in(8));
  EXPECT_TRUE(refused(status, Error::out_of_memory));
  EXPECT_NE(status.error_number(), 0);
  EXPECT_EQ(status.value(), 4u << 20);
  expect_filled(memory, pages_in(4));
  EXPECT_EQ(memory.growths(), 1u);
}

TEST_F(FullTmpfs, GivesBackWhatARefusedGrowthTookAndGrowsByLessAfterwards) {
  PageMemory memory(file_of(10));
  ASSERT_TRUE(ok(memory.grow(pages_in(4))));
  fill(memory);
  for (int attempt = 0; attempt < 3; ++attempt) {
    EXPECT_TRUE(refused(memory.grow(pages_in(16)), Error::out_of_memory));
    EXPECT_EQ(free_bytes(), 6u << 20);
  }
  expect_filled(memory, pages_in(4));
  ASSERT_TRUE(ok(memory.grow(pages_in(10))));
  EXPECT_EQ(free_bytes(), 0u);
  fill(memory);
  expect_filled(memory, pages_in(10));
}

TEST_F(FullTmpfs, AtTheVeryFirstGrowthIsAnErrorToo) {
  PageMemory memory(file_of(2));
  EXPECT_TRUE(refused(memory.grow(pages_in(4)), Error::out_of_memory));
  EXPECT_EQ(memory.capacity(), 0u);
  ASSERT_TRUE(ok(memory.grow(pages_in(2))));
  fill(memory);
  expect_filled(memory, pages_in(2));

  PageStore store;
  EXPECT_TRUE(refused(store.open(file_of(2), {.capacity = pages_in(4)}), Error::out_of_memory));
}

TEST_F(FullTmpfs, AWindowFromBeforeAndOneFromAfterwardsStillRead) {
  PageMemory memory(file_of(4));
  ASSERT_TRUE(ok(memory.grow(pages_in(4))));
  fill(memory);
  WindowView before, after;
  ASSERT_TRUE(ok(memory.open_window(0, &before)));
  EXPECT_TRUE(refused(memory.grow(pages_in(8)), Error::out_of_memory));
  ASSERT_TRUE(ok(memory.open_window(0, &after)));
  ASSERT_EQ(after.bytes(), 4u << 20);
  for (size_t i = 0; i < pages_in(4); ++i) {
    ASSERT_TRUE(page_is(before.data() + i * page_size(), i));
    ASSERT_TRUE(page_is(after.data() + i * page_size(), i));
  }
}

TEST_F(FullTmpfs, LeavesAStoreAsItWas) {
  OpenStore store(file_of(4), {.capacity = pages_in(4)});
  const auto numbers = store.keep(contents_from(0, pages_in(4) - 2));
  store.release(numbers[5]);
  const StoreStats before = store.stats();
  for (int attempt = 0; attempt < 3; ++attempt) {
    // Takes the recycled slot and the two that never were, then finds no more.
    EXPECT_TRUE(refused(store.offer(contents_from(10'000, 4)), Error::out_of_memory));
    EXPECT_TRUE(same_stats(store.stats(), before));
    EXPECT_EQ(store.capacity(), pages_in(4));
  }
  EXPECT_EQ(store.keep(20'000), numbers[5]);
  EXPECT_EQ(index_of(store.keep(20'001)), pages_in(4) - 2);
  EXPECT_EQ(index_of(store.keep(20'002)), pages_in(4) - 1);
  EXPECT_TRUE(refused(store.offer(contents_from(20'003, 1)), Error::out_of_memory));
  // Full, it still counts, finds, and recycles.
  EXPECT_EQ(store.keep(7), numbers[7]);
  store.release(numbers[9]);
  EXPECT_EQ(store.keep(20'003), numbers[9]);
}

class Refused : public OnEachMemory {};
ON_EACH_MEMORY(Refused);

TEST_P(Refused, AnAbsurdGrowthIsRefusedBeforeItIsTouched) {
  PageMemory memory(file());
  ASSERT_TRUE(ok(memory.grow(pages_in(2))));
  fill(memory);
  const Status status = memory.grow(size_t{1} << 31);  // 8 TiB and more
  EXPECT_TRUE(refused(status, Error::out_of_memory));
  EXPECT_STREQ(status.what(), "available memory");
  EXPECT_EQ(status.value(), (size_t{1} << 31) * page_size() - (2 << 20));
  expect_filled(memory, pages_in(2));
  ASSERT_TRUE(ok(memory.grow(pages_in(4))));
}

TEST_P(Refused, AStoreOfAbsurdCapacityIsRefused) {
  for (const size_t capacity : {size_t{1} << 28, size_t{1} << 31, kMostPages}) {
    PageStore store;
    EXPECT_TRUE(refused(store.open(file(), {.capacity = capacity}), Error::out_of_memory));
  }
}

// All that a process may be refused for. In a child, so that the limit goes with it.

TEST_P(Refused, AddressSpaceForTheMemory) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer's own address space does not fit below RLIMIT_AS";
  in_child([this] {
    PageMemory memory(file());
    ASSERT_TRUE(ok(memory.grow(pages_in(8))));
    fill(memory);
    limit_address_space(4 << 20);
    const Status status = memory.grow(pages_in(16));
    EXPECT_TRUE(refused(status, Error::out_of_memory));
    EXPECT_EQ(status.error_number(), ENOMEM);
    EXPECT_EQ(status.value(), 16u << 20);
    expect_filled(memory, pages_in(8));
    limit_address_space(32 << 20);
    EXPECT_TRUE(ok(memory.grow(pages_in(16))));
    for (size_t i = 0; i < pages_in(8); ++i) ASSERT_TRUE(page_is(memory.page(page_number(i)), i));
  });
}

TEST_P(Refused, AfterARefusalLessCanBeHad) {
  if (GetParam() == MemoryKind::memfd) {
    GTEST_SKIP() << "PageMemory: the file stays long, and the seal refuses to make it shorter";
  }
  if (kSanitized) GTEST_SKIP() << "a sanitizer's own address space does not fit below RLIMIT_AS";
  in_child([this] {
    PageMemory memory(file());
    ASSERT_TRUE(ok(memory.grow(pages_in(8))));
    limit_address_space(4 << 20);
    EXPECT_TRUE(refused(memory.grow(pages_in(16)), Error::out_of_memory));
    EXPECT_TRUE(ok(memory.grow(pages_in(10))));
    EXPECT_EQ(memory.capacity(), pages_in(10));
  });
}

TEST_P(Refused, AddressSpaceForAStore) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer's own address space does not fit below RLIMIT_AS";
  in_child([this] {
    OpenStore store(file());
    const Bytes page = page_of(1'000'000);
    limit_address_space(40 << 20);
    std::vector<PageNumber> numbers;
    Status status = Status::ok();
    StoreStats before;
    while (status.is_ok() && numbers.size() < pages_in(128)) {
      before = store.stats();
      PageNumber number = kNoPage;
      Bytes next = page;
      const uint64_t content = numbers.size();
      memcpy(next.data(), &content, sizeof(content));
      status = store.store(next.data(), 1, &number);
      if (status.is_ok()) numbers.push_back(number);
    }
    ASSERT_TRUE(refused(status, Error::out_of_memory));
    EXPECT_EQ(status.error_number(), ENOMEM);
    EXPECT_TRUE(same_stats(store.stats(), before));
    EXPECT_EQ(store.capacity(), before.capacity);
    EXPECT_EQ(store.size(), store.capacity());

    // The store goes on: counts, finds, recycles; and grows once it may.
    const PageNumber last = numbers.back();
    EXPECT_TRUE(ok(store.ref(&last, 1)));
    store.release(last);
    store.release(last);
    PageNumber number;
    EXPECT_TRUE(ok(store.store(page.data(), 1, &number)));
    EXPECT_EQ(number, last);
    EXPECT_TRUE(refused(store.offer(contents_from(5, 1)), Error::out_of_memory));
    limit_address_space(256 << 20);
    EXPECT_EQ(index_of(store.keep(5)), numbers.size());
    EXPECT_EQ(store.size(), numbers.size() + 1);
  });
}

TEST_P(Refused, AddressSpaceForAWindow) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer's own address space does not fit below RLIMIT_AS";
  in_child([this] {
    PageMemory memory(file());
    ASSERT_TRUE(ok(memory.grow(pages_in(8))));
    fill(memory);
    WindowView view;
    limit_address_space(4 << 20);
    EXPECT_TRUE(refused(memory.open_window(0, &view), Error::out_of_memory));
    EXPECT_EQ(view.data(), nullptr);
    limit_address_space(16 << 20);
    ASSERT_TRUE(ok(memory.open_window(0, &view)));
    EXPECT_TRUE(page_is(view.data() + page_size(), 1));
    memory.hand_out(page_number(1));
    memory.refresh_windows(page_number(1));  // resyncs no window that could not be opened
  });
}

TEST_P(Refused, FileSizeWithoutASignalThatWouldEndTheProcess) {
  in_child([this] {
    signal(SIGXFSZ, SIG_DFL);
    OpenStore store(file());
    const rlimit limit{6 << 20, RLIM_INFINITY};
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
    const auto numbers = store.keep(contents_from(0, pages_in(4)));
    const StoreStats before = store.stats();
    const Status status = store.offer(contents_from(10'000, 1));
    EXPECT_TRUE(refused(status, Error::out_of_memory));
    EXPECT_EQ(status.error_number(), EFBIG);
    EXPECT_STREQ(status.what(), "RLIMIT_FSIZE");
    EXPECT_TRUE(same_stats(store.stats(), before));
    EXPECT_EQ(store.capacity(), pages_in(4));
    for (size_t i = 0; i < numbers.size(); ++i) ASSERT_TRUE(store.has(numbers[i], i));
    store.release(numbers[3]);
    EXPECT_EQ(store.keep(10'000), numbers[3]);
  });
}

TEST_P(Refused, TheBudgetOfAStore) {
  OpenStore store(file(), {.max_pages = 100});
  const auto numbers = store.keep(contents_from(0, 100));
  const Status status = store.offer(contents_from(100, 1));
  EXPECT_TRUE(refused(status, Error::out_of_memory));
  EXPECT_STREQ(status.what(), "maxPages");
  EXPECT_EQ(status.value(), 100 * page_size());
  EXPECT_EQ(status.error_number(), 0);                    // nobody but the store refused
  EXPECT_EQ(store.keep(contents_from(0, 100)), numbers);  // duplicates cost no budget
  store.release(numbers);
  store.release(numbers[50]);
  EXPECT_EQ(store.keep(100), numbers[50]);
}

}  // namespace
}  // namespace pagestore::test

// Where pages are, so that nobody makes one exist by reading it: here of this very process.
#include "linux/untouched_pages.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "linux/process_regions.h"
#include "support.h"
#include "system/page_size.h"
#include "system/scoped_fd.h"

namespace pagestore::test {
namespace {

constexpr size_t kPages = 8;

class UntouchedPagesTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(ok(Pagemap::open(getpid(), &pagemap_))); }
  void TearDown() override {
    if (at_ != nullptr) munmap(at_, bytes());
  }

  static size_t bytes() { return kPages * page_size(); }
  uint64_t address(size_t page = 0) const { return reinterpret_cast<uint64_t>(at_) + page * page_size(); }

  bool map(int file, int flags) {
    void* const at = mmap(nullptr, bytes(), PROT_READ | PROT_WRITE, flags, file, 0);
    at_ = at == MAP_FAILED ? nullptr : static_cast<char*>(at);
    return at_ != nullptr;
  }

  // The runs of the mapping, as indices of pages; `path` as the kernel may call it.
  std::vector<std::pair<size_t, bool>> runs(const char* path = nullptr) {
    RegionList list;
    EXPECT_TRUE(ok(read_regions_of(getpid(), &list)));
    RegionReader reader(list.bytes());
    GrowingArray<PageRun> found;
    UntouchedPages pages(getpid(), pagemap_, identities_);
    for (Region region; reader.next(&region);) {
      if (region.end <= address() || region.start >= address(kPages)) continue;
      if (path != nullptr) region.path = path;
      EXPECT_TRUE(ok(pages.find(region, {address(), address(kPages)}, &found)));
    }
    std::vector<std::pair<size_t, bool>> numbers;
    for (const PageRun& run : found) {
      for (uint64_t at = run.range.start; at < run.range.end; at += page_size()) {
        numbers.push_back({(at - address()) / page_size(), run.is_in_file});
      }
    }
    return numbers;
  }

  // What is read without a page that exists, and how many have to be read through the process.
  size_t fill(std::vector<std::byte>* bytes) {
    GrowingArray<AddressRange> existing;
    UntouchedPages pages(getpid(), pagemap_, identities_);
    EXPECT_TRUE(ok(pages.fill(address(), {bytes->data(), bytes->size()}, &existing)));
    size_t count = 0;
    for (const AddressRange& each : existing) count += each.length() / page_size();
    return count;
  }

  Pagemap pagemap_;
  MappedIdentities identities_;
  char* at_ = nullptr;
};

TEST_F(UntouchedPagesTest, OfZeroesMappedPrivatelyAreThoseThatWereWritten) {
  const ScopedFd file(open("/dev/zero", O_RDWR));
  ASSERT_TRUE(map(file.get(), MAP_PRIVATE));
  at_[3 * page_size()] = 1;
  const std::vector<std::pair<size_t, bool>> written = {{3, false}};
  EXPECT_EQ(runs(), written);
  std::vector<std::byte> read(bytes(), std::byte{7});
  EXPECT_EQ(fill(&read), 1u);
  EXPECT_EQ(read[0], std::byte{});
  EXPECT_EQ(runs(), written);
}

TEST_F(UntouchedPagesTest, OfZeroesAreThatWhateverTheDeviceIsCalled) {
  const std::string name = "/tmp/pagestore-zero-" + std::to_string(getpid());
  if (mknod(name.c_str(), S_IFCHR | 0600, makedev(1, 5)) != 0) GTEST_SKIP() << "no devices may be made";
  const ScopedFd file(open(name.c_str(), O_RDWR));
  const bool is_mapped = file.is_open() && map(file.get(), MAP_PRIVATE);
  if (is_mapped) {
    at_[3 * page_size()] = 1;
    EXPECT_EQ(runs(), (std::vector<std::pair<size_t, bool>>{{3, false}}));
    std::vector<std::byte> read(bytes(), std::byte{7});
    EXPECT_EQ(fill(&read), 1u);
  }
  unlink(name.c_str());
  if (!is_mapped) GTEST_SKIP() << "no devices may be opened there";
}

TEST_F(UntouchedPagesTest, OfAFileInMemoryAreNotItsHoles) {
  const std::string name = "/dev/shm/pagestore-holes-" + std::to_string(getpid());
  const ScopedFd file(open(name.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600));
  if (!file.is_open()) GTEST_SKIP() << "no /dev/shm";
  ASSERT_EQ(ftruncate(file.get(), static_cast<off_t>(bytes())), 0);
  ASSERT_EQ(pwrite(file.get(), "x", 1, static_cast<off_t>(5 * page_size())), 1);
  for (const int flags : {MAP_PRIVATE, MAP_SHARED}) {
    ASSERT_TRUE(map(file.get(), flags));
    EXPECT_EQ(runs(), (std::vector<std::pair<size_t, bool>>{{5, true}}));
    std::vector<std::byte> read(bytes(), std::byte{7});
    EXPECT_EQ(fill(&read), 0u);
    EXPECT_EQ(read[5 * page_size()], std::byte{'x'});
    EXPECT_EQ(read[4 * page_size()], std::byte{});
    munmap(std::exchange(at_, nullptr), bytes());
  }
  struct stat status;
  ASSERT_EQ(fstat(file.get(), &status), 0);
  EXPECT_EQ(static_cast<size_t>(status.st_blocks) * 512, page_size());
  unlink(name.c_str());
}

// Pages that only another process has touched.
TEST_F(UntouchedPagesTest, OfSharedMemoryAreThoseOfOthersToo) {
  ASSERT_TRUE(map(-1, MAP_SHARED | MAP_ANONYMOUS));
  const pid_t child = fork();
  if (child == 0) {
    at_[2 * page_size()] = 'y';
    _exit(0);
  }
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  for (const char* path : {"/dev/zero (deleted)", "[anon_shmem:name]"}) {
    const auto found = runs(path);
    EXPECT_NE(std::find_if(found.begin(), found.end(), [](const auto& each) { return each.first == 2; }), found.end())
        << path;
  }
}

// In any order, and whatever lies between them.
TEST_F(UntouchedPagesTest, AreFoundInAListOfMappings) {
  ASSERT_TRUE(map(-1, MAP_PRIVATE | MAP_ANONYMOUS));
  for (size_t page = 0; page < kPages; page += 2) {
    at_[page * page_size()] = 1;
    ASSERT_EQ(mprotect(at_ + page * page_size(), page_size(), PROT_READ), 0);
  }
  munmap(at_ + 5 * page_size(), page_size());
  RegionList list;
  ASSERT_TRUE(ok(read_regions_of(getpid(), &list)));
  UntouchedPages pages(getpid(), pagemap_, identities_);
  const auto found = [&](size_t first, size_t end) {
    GrowingArray<PageRun> runs;
    EXPECT_TRUE(ok(pages.find(list, {address(first), address(end)}, &runs)));
    std::vector<size_t> numbers;
    for (const PageRun& run : runs) numbers.push_back((run.range.start - address()) / page_size());
    return numbers;
  };
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(found(0, 1), std::vector<size_t>{0});
    EXPECT_EQ(found(0, 1), std::vector<size_t>{0});
    EXPECT_EQ(found(1, 5), (std::vector<size_t>{2, 4}));
    EXPECT_EQ(found(5, 6), std::vector<size_t>{});
    EXPECT_EQ(found(6, kPages), std::vector<size_t>{6});
    EXPECT_EQ(found(2, 3), std::vector<size_t>{2});
    EXPECT_EQ(found(0, kPages), (std::vector<size_t>{0, 2, 4, 6}));
  }
}

}  // namespace
}  // namespace pagestore::test

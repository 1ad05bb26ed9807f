#include "linux/file_facts.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>
#include <string>
#include <tuple>

#include "linux/file_removal.h"
#include "support.h"
#include "system/scoped_fd.h"

namespace pagestore::test {

namespace {

// A folder of its own on each kind of file system that is at hand: of a disk, and of memory.
class FileFactsIn : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    folder_ = std::string(GetParam()) + "/pagestore-XXXXXX";
    ASSERT_NE(mkdtemp(folder_.data()), nullptr);
  }
  void TearDown() override {
    for (const char* name : {"/it", "/other"}) unlink((folder_ + name).c_str());
    rmdir(folder_.c_str());
  }
  std::string path(const char* name = "/it") const { return folder_ + name; }
  void make(const std::string& path) const {
    const ScopedFd file(open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
    ASSERT_TRUE(file.is_open());
  }
  WhichFile which(const std::string& path) const {
    FileFacts facts;
    EXPECT_TRUE(read_file_facts(AT_FDCWD, path.c_str(), &facts));
    return facts.identity;
  }

  std::string folder_;
};

TEST_P(FileFactsIn, NoTwoOfManyFilesThatFollowEachOtherAreTheSame) {
  constexpr int kCount = 3000;
  std::set<std::tuple<uint64_t, uint64_t, uint64_t, uint64_t>> all;
  std::set<std::tuple<uint64_t, uint64_t, uint64_t>> by_birth;
  WhichFile last;
  for (int i = 0; i < kCount; ++i) {
    make(path());
    last = which(path());
    all.emplace(last.device, last.inode, last.born, last.generation);
    by_birth.emplace(last.device, last.inode, last.born);
    ASSERT_EQ(unlink(path().c_str()), 0);
  }
  RecordProperty("same inode and birth", std::to_string(kCount - by_birth.size()));
  if (last.generation == 0) GTEST_SKIP() << "the file system does not say which generation a file is of";
  EXPECT_EQ(all.size(), size_t{kCount});
}

TEST_P(FileFactsIn, AFileStaysTheSameHoweverItIsFoundAndWhateverIsDone) {
  make(path());
  const WhichFile before = which(path());
  const ScopedFd file(open(path().c_str(), O_RDWR | O_CLOEXEC)), by_path(open(path().c_str(), O_PATH | O_CLOEXEC));
  ASSERT_EQ(write(file.get(), "text", 4), 4);
  ASSERT_EQ(fchmod(file.get(), 0), 0);
  ASSERT_EQ(rename(path().c_str(), path("/other").c_str()), 0);
  FileFacts facts;
  for (const int each : {file.get(), by_path.get()}) {
    ASSERT_TRUE(read_file_facts(each, &facts));
    EXPECT_EQ(facts.identity, before);
    EXPECT_EQ(which("/proc/self/fd/" + std::to_string(each)), before);
  }
  EXPECT_EQ(which(path("/other")), before);
  EXPECT_EQ(facts.length, 4u);
  ASSERT_EQ(symlink("other", path().c_str()), 0);
  EXPECT_EQ(which(path()), before);
  ASSERT_TRUE(read_file_facts(AT_FDCWD, path().c_str(), &facts, AT_SYMLINK_NOFOLLOW));
  EXPECT_FALSE(may_be_same(facts.identity, before));
}

TEST_P(FileFactsIn, OnlyAnEmptyFileOfThatOwnerWithNoOtherNameIsRemoved) {
  make(path());
  const WhichFile made = which(path());
  ASSERT_EQ(link(path().c_str(), path("/other").c_str()), 0);
  EXPECT_FALSE(remove_empty_file(path(), made, geteuid()));
  ASSERT_EQ(unlink(path("/other").c_str()), 0);
  EXPECT_FALSE(remove_empty_file(path(), made, geteuid() + 1));
  ASSERT_EQ(truncate(path().c_str(), 1), 0);
  EXPECT_FALSE(remove_empty_file(path(), made, geteuid()));
  ASSERT_EQ(truncate(path().c_str(), 0), 0);
  EXPECT_FALSE(remove_empty_folder(path(), made, geteuid()));
  EXPECT_FALSE(remove_empty_file(path(), {made.device, made.inode}, geteuid()));
  EXPECT_TRUE(remove_empty_file(path(), made, geteuid()));
  EXPECT_NE(access(path().c_str(), F_OK), 0);
}

TEST_P(FileFactsIn, AnotherFileByThatNameIsNotRemoved) {
  make(path());
  const WhichFile made = which(path());
  ASSERT_EQ(unlink(path().c_str()), 0);
  for (int i = 0; i < 100; ++i) {
    make(path());
    EXPECT_FALSE(remove_empty_file(path(), made, geteuid()));
    ASSERT_EQ(unlink(path().c_str()), 0);
  }
  make(path("/other"));
  ASSERT_EQ(symlink("other", path().c_str()), 0);
  EXPECT_FALSE(remove_empty_file(path(), which(path("/other")), geteuid()));
  EXPECT_EQ(access(path("/other").c_str(), F_OK), 0);
}

INSTANTIATE_TEST_SUITE_P(OnDiskAndInMemory, FileFactsIn, testing::Values("/tmp", "/dev/shm"));

}  // namespace

}  // namespace pagestore::test

// The file behind a store: two kinds that behave alike, made with privileges, without, or not.
#include "store/backing_file.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>

#include "store/shared_store.h"
#include "stores.h"

namespace pagestore::test {
namespace {

constexpr long kFsopen = 430;
constexpr uid_t kNobody = 65534;

class EachFile : public OnEachMemory {};
ON_EACH_MEMORY(EachFile);

TEST_P(EachFile, IsEmptyAtFirstClosedByExecAndGoneWithItsDescriptor) {
  const BackingFile opened = file();
  ASSERT_TRUE(opened.fd.is_open());
  EXPECT_EQ(opened.kind, GetParam());
  struct stat status {};
  ASSERT_EQ(fstat(opened.fd.get(), &status), 0);
  EXPECT_EQ(status.st_size, 0);
  EXPECT_EQ(status.st_nlink, 0u);  // no name leads to it
  EXPECT_NE(fcntl(opened.fd.get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_P(EachFile, TakesOneDescriptorAndGivesItBack) {
  const size_t before = open_descriptors();
  {
    const BackingFile opened = file();
    EXPECT_EQ(open_descriptors(), before + 1);
  }
  EXPECT_EQ(open_descriptors(), before);
}

TEST(Memfd, IsSealedAgainstShrinking) {
  const BackingFile file = open_memfd();
  EXPECT_EQ(fcntl(file.fd.get(), F_GET_SEALS), F_SEAL_SHRINK);
  ASSERT_EQ(ftruncate(file.fd.get(), 2 << 20), 0);
  EXPECT_EQ(ftruncate(file.fd.get(), 1 << 20), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(ftruncate(file.fd.get(), 4 << 20), 0);
}

TEST(HugeFile, SizeZeroLiftsTheLimitOfTmpfs) {
  const BackingFile file = open_huge_file(0);
  if (!file.fd.is_open()) GTEST_SKIP() << strerror(errno);
  struct statfs status {};
  ASSERT_EQ(fstatfs(file.fd.get(), &status), 0);
  EXPECT_EQ(status.f_blocks, 0u);  // no bound
}

TEST(HugeFile, HasTheSizeThatItWasGiven) {
  const BackingFile file = open_huge_file(8 << 20);
  if (!file.fd.is_open()) GTEST_SKIP() << strerror(errno);
  struct statfs status {};
  ASSERT_EQ(fstatfs(file.fd.get(), &status), 0);
  EXPECT_EQ(status.f_blocks * static_cast<uint64_t>(status.f_bsize), uint64_t{8} << 20);
}

TEST(HugeFile, TakesHugePages) {
  BackingFile file = open_huge_file();
  if (!file.fd.is_open()) GTEST_SKIP() << strerror(errno);
  // Whether there are any to be had now: what ordinary memory gets.
  const Mapping ordinary = Mapping::anonymous(16 << 20);
  madvise(ordinary.data(), ordinary.bytes(), MADV_HUGEPAGE);
  memset(ordinary.data(), 1, ordinary.bytes());
  if (smaps_kibibytes(ordinary.data() + (8 << 20), "AnonHugePages") == 0) {
    GTEST_SKIP() << "no transparent huge pages on this system, or no free ones";
  }
  PageMemory memory(std::move(file));
  ASSERT_TRUE(ok(memory.grow(pages_in(8))));
  const std::byte* base = memory.page(page_number(0));
  EXPECT_EQ(smaps_kibibytes(base, "Rss"), 8u << 10);
  EXPECT_GT(smaps_kibibytes(base, "ShmemPmdMapped"), 0u);
}

volatile sig_atomic_t children_signalled = 0;

// In a child: become somebody without privileges, as far as files in /proc are concerned, too.
void become_nobody() {
  ASSERT_EQ(setgroups(0, nullptr), 0);
  ASSERT_EQ(setresgid(kNobody, kNobody, kNobody), 0);
  ASSERT_EQ(setresuid(kNobody, kNobody, kNobody), 0);
}

void expect_no_trace_of_a_child(size_t descriptors_before) {
  EXPECT_EQ(open_descriptors(), descriptors_before);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG | __WALL), -1);
  EXPECT_EQ(errno, ECHILD);  // neither running nor a zombie
  EXPECT_EQ(children_signalled, 0);
}

void expect_a_working_file_or_an_errno() {
  signal(SIGCHLD, [](int) { children_signalled = children_signalled + 1; });
  sigset_t mask_before{}, mask_after{};
  sigprocmask(SIG_SETMASK, nullptr, &mask_before);
  const size_t descriptors = open_descriptors();
  errno = 0;
  BackingFile file = open_huge_file();
  const int error_number = errno;
  sigprocmask(SIG_SETMASK, nullptr, &mask_after);
  EXPECT_EQ(memcmp(&mask_before, &mask_after, sizeof(mask_before)), 0);
  if (!file.fd.is_open()) {
    EXPECT_NE(error_number, 0);
    expect_no_trace_of_a_child(descriptors);
    printf("no huge files without privileges: %s\n", strerror(error_number));
    return;
  }
  {
    PageMemory memory(std::move(file));
    ASSERT_TRUE(ok(memory.grow(pages_in(4))));
    const auto last = page_number(pages_in(4) - 1);
    fill_page(memory.page(last), 7);
    EXPECT_TRUE(page_is(memory.page(last), 7));
    EXPECT_TRUE(ok(memory.grow(pages_in(8))));
    EXPECT_TRUE(page_is(memory.page(last), 7));
  }
  expect_no_trace_of_a_child(descriptors);
}

TEST(Unprivileged, AShortLivedChildMakesTheFileAndLeavesNoTrace) {
  in_child([] {
    if (geteuid() == 0) {
      become_nobody();
      // What was root lost access to its own files in /proc; who never was has it.
      ASSERT_EQ(prctl(PR_SET_DUMPABLE, 1), 0);
    }
    expect_a_working_file_or_an_errno();
  });
}

TEST(Unprivileged, WhoGaveUpBeingRootGetsAFileOrAnErrorNumberAndLeavesNoTrace) {
  if (geteuid() != 0) GTEST_SKIP() << "needs to be root at first";
  in_child([] {
    become_nobody();
    expect_a_working_file_or_an_errno();
  });
}

TEST(Unprivileged, AHostThatIgnoresItsChildrenGetsAFile) {
  in_child([] {
    if (geteuid() == 0) {
      become_nobody();
      ASSERT_EQ(prctl(PR_SET_DUMPABLE, 1), 0);
    }
    const bool possible = open_huge_file().fd.is_open();
    signal(SIGCHLD, SIG_IGN);
    EXPECT_EQ(open_huge_file().fd.is_open(), possible);
  });
}

// From now on this process may not make file systems or namespaces.
void forbid_mounting(int error_number) {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kFsopen, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<uint32_t>(error_number)),
  };
  const sock_fprog filter{sizeof(program) / sizeof(program[0]), program};
  ASSERT_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  ASSERT_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), 0) << strerror(errno);
}

class Forbidden : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(, Forbidden, testing::Values(EPERM, ENOSYS, EACCES),
                         [](const auto& error) { return strerrorname_np(error.param); });

TEST_P(Forbidden, WhereHugeFilesAreForbiddenAStoreIsOnAMemfdAndSaysSo) {
  in_child([] {
    forbid_mounting(GetParam());
    errno = 0;
    EXPECT_FALSE(open_huge_file().fd.is_open());
    EXPECT_EQ(errno, GetParam());

    SharedStore* store = nullptr;
    ASSERT_TRUE(ok(SharedStore::create({}, MemoryChoice::any, &store)));
    EXPECT_EQ(store->stats().memory, MemoryKind::memfd);
    PageNumber number;
    EXPECT_TRUE(ok(store->store(page_of(1).data(), 1, &number)));
    store->close();

    const Status status = SharedStore::create({}, MemoryChoice::huge, &store);
    EXPECT_TRUE(refused(status, Error::out_of_memory));
    EXPECT_EQ(status.error_number(), GetParam());
  });
}

TEST(Allowed, WhereHugeFilesAreAllowedAStoreIsOnOneAndSaysSo) {
  const bool allowed = open_huge_file().fd.is_open();
  SharedStore* store = nullptr;
  ASSERT_TRUE(ok(SharedStore::create({}, MemoryChoice::any, &store)));
  EXPECT_EQ(store->stats().memory, allowed ? MemoryKind::huge : MemoryKind::memfd);
  store->close();
}

}  // namespace
}  // namespace pagestore::test

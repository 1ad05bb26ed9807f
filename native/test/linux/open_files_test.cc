#include "linux/open_files.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

#include "support.h"
#include "system/scoped_fd.h"

namespace pagestore::test {

namespace {

OpenFiles read_ours() {
  OpenFiles files;
  EXPECT_TRUE(ok(OpenFiles::read(getpid(), nullptr, &files)));
  return files;
}

TEST(OpenFiles, HaveKindsOffsetsAndFlags) {
  const ScopedFd file(open("/proc/self/exe", O_RDONLY | O_CLOEXEC)), null(open("/dev/null", O_RDWR)),
      folder(open("/", O_RDONLY | O_DIRECTORY)), path(open("/", O_PATH)), count(eventfd(3, 0));
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_NONBLOCK), 0);
  const ScopedFd out(ends[0]), in(ends[1]);
  ASSERT_EQ(lseek(file.get(), 77, SEEK_SET), 77);
  const OpenFiles files = read_ours();
  const auto kind = [&](const ScopedFd& fd) { return files.find(fd.get())->identity.kind; };
  EXPECT_EQ(kind(file), FileKind::regular);
  EXPECT_EQ(kind(null), FileKind::stateless);
  EXPECT_EQ(kind(folder), FileKind::directory);
  EXPECT_EQ(kind(path), FileKind::path);
  EXPECT_EQ(kind(count), FileKind::event_count);
  EXPECT_EQ(kind(out), FileKind::pipe);
  EXPECT_EQ(files.find(file.get())->position, 77u);
  EXPECT_EQ(files.find(file.get())->closes_on_exec, 1);
  EXPECT_EQ(files.find(null.get())->closes_on_exec, 0);
  EXPECT_EQ(files.find(out.get())->settable_flags, static_cast<uint32_t>(O_NONBLOCK));
  EXPECT_TRUE(is_writable(files.find(in.get())->identity));
  EXPECT_FALSE(is_writable(files.find(file.get())->identity));
  EXPECT_TRUE(files.path(*files.find(out.get())).starts_with("pipe:["));
  EXPECT_EQ(files.find(1'000'000), nullptr);
}

TEST(OpenFiles, OfTheKernelKeepNoBytes) {
  const ScopedFd written(open("/proc/self/comm", O_RDWR)), read(open("/proc/self/comm", O_RDONLY)),
      memory(memfd_create("memory", MFD_CLOEXEC)), temporary(open("/tmp", O_RDWR | O_TMPFILE, 0600));
  ASSERT_TRUE(temporary.is_open());
  const OpenFiles files = read_ours();
  const auto kind = [&](const ScopedFd& fd) { return files.find(fd.get())->identity.kind; };
  EXPECT_EQ(kind(written), FileKind::kernel);
  EXPECT_EQ(kind(read), FileKind::regular);
  EXPECT_EQ(kind(memory), FileKind::regular);
  EXPECT_EQ(kind(temporary), FileKind::regular);
}

TEST(OpenFiles, ThatAreOneHaveOneLeader) {
  const ScopedFd first(open("/proc/self/exe", O_RDONLY)), other(open("/proc/self/exe", O_RDONLY)),
      twin(dup(first.get()));
  const OpenFiles files = read_ours();
  EXPECT_EQ(files.find(twin.get())->leader, first.get());
  EXPECT_EQ(files.find(first.get())->leader, first.get());
  EXPECT_EQ(files.find(other.get())->leader, other.get());
}

TEST(OpenFiles, AreTheSameAsBytes) {
  const ScopedFd file(open("/proc/self/exe", O_RDONLY));
  const OpenFiles files = read_ours();
  GrowingArray<std::byte> bytes;
  OpenFiles again;
  ASSERT_TRUE(ok(files.append_bytes(&bytes)));
  ASSERT_TRUE(ok(again.read_bytes({bytes.data(), bytes.size()})));
  EXPECT_TRUE(again.has_same_files(files));
  EXPECT_EQ(again.path(*again.find(file.get())), files.path(*files.find(file.get())));
  ASSERT_EQ(lseek(file.get(), 1, SEEK_SET), 1);
  EXPECT_FALSE(again.has_same_files(read_ours()));
}

TEST(OpenFiles, ShowLocksWithoutWhoTookThem) {
  const ScopedFd file(memfd_create("locked", 0));
  char path[64];
  snprintf(path, sizeof(path), "/proc/%d/fd/%d", getpid(), file.get());
  const auto detail_of_child = [&] {
    int ready[2];
    EXPECT_EQ(pipe(ready), 0);
    const pid_t child = fork();
    if (child == 0) {
      struct flock all {};
      all.l_type = F_RDLCK;
      const int own = open(path, O_RDWR);
      const bool has_lock = dup2(own, 100) == 100 && fcntl(100, F_SETLK, &all) == 0;
      static_cast<void>(write(ready[1], &has_lock, 1));
      pause();
    }
    char has_lock = 0;
    EXPECT_EQ(::read(ready[0], &has_lock, 1), 1);
    EXPECT_EQ(has_lock, 1);
    OpenFile found;
    EXPECT_TRUE(ok(describe_file(child, 100, &found)));
    EXPECT_EQ(found.has_lock, 1);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    close(ready[0]);
    close(ready[1]);
    return found.detail;
  };
  const uint64_t first = detail_of_child(), second = detail_of_child();
  EXPECT_NE(first, 0u);
  EXPECT_EQ(first, second);
}

TEST(OpenFiles, ThatAreManyHaveTheirLeaders) {
  constexpr int kMany = 300;
  const ScopedFd file(open("/proc/self/exe", O_RDONLY));
  std::vector<ScopedFd> all;
  for (int i = 0; i < kMany; ++i) all.emplace_back(i % 3 == 0 ? open("/proc/self/exe", O_RDONLY) : dup(file.get()));
  const OpenFiles files = read_ours();
  for (int i = 0; i < kMany; ++i) {
    EXPECT_EQ(files.find(all[i].get())->leader, i % 3 == 0 ? all[i].get() : file.get());
  }
}

TEST(OpenFiles, ShowWhatAnEventfdCounts) {
  const ScopedFd count(eventfd(0, 0));
  const uint64_t before = read_ours().find(count.get())->detail;
  ASSERT_EQ(eventfd_write(count.get(), 5), 0);
  EXPECT_NE(read_ours().find(count.get())->detail, before);
  eventfd_t value;
  ASSERT_EQ(eventfd_read(count.get(), &value), 0);
  EXPECT_EQ(read_ours().find(count.get())->detail, before);
}

}  // namespace

}  // namespace pagestore::test

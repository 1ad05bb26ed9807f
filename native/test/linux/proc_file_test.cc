// Files below /proc/PID: their names, their contents, and what their errors mean.
#include "linux/proc_file.h"

#include <fcntl.h>
#include <sys/wait.h>

#include <cstring>
#include <set>
#include <string>
#include <thread>

#include "linux/remote_memory.h"
#include "linux/thread_status.h"
#include "support.h"
#include "system/old_glibc.h"

namespace pagestore::test {
namespace {

TEST(ProcFiles, AreNamedByProcessAndThread) {
  EXPECT_STREQ(ProcPath(12, "/proc/PID/maps").text(), "/proc/12/maps");
  EXPECT_STREQ(ProcPath(12, "/proc/PID/task").text(), "/proc/12/task");
  EXPECT_STREQ(ProcPath({12, 34}, "/proc/PID/task/TID/stat").text(), "/proc/12/task/34/stat");
  EXPECT_STREQ(ProcPath({12, 34}, "/proc/PID/task/TID").text(), "/proc/12/task/34");
}

TEST(ProcFiles, AreReadInFullOrToTheRoomThatThereIs) {
  GrowingArray<char> text;
  ASSERT_TRUE(ok(read_proc_file(getpid(), "/proc/PID/cmdline", &text)));
  ASSERT_GT(text.size(), 8u);
  char start[8];
  ASSERT_TRUE(ok(read_proc_start(getpid(), "/proc/PID/cmdline", start)));
  EXPECT_EQ(memcmp(start, text.data(), 7), 0);
  EXPECT_EQ(start[7], '\0');
}

TEST(ProcFiles, OfAProcessThatIsNotThereSaySo) {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  waitpid(child, nullptr, 0);
  GrowingArray<char> text;
  ScopedFd file;
  NumberDirectory tasks;
  EXPECT_TRUE(refused(read_proc_file(child, "/proc/PID/maps", &text), Error::process_gone));
  EXPECT_TRUE(refused(open_proc_file(child, "/proc/PID/mem", O_RDWR, &file), Error::process_gone));
  EXPECT_TRUE(refused(tasks.open(child), Error::process_gone));
  EXPECT_TRUE(read_thread_status(child, child).has_ended);
}

TEST(ProcFiles, ThatFailAreNamedInTheError) {
  ScopedFd file;
  const Status status = open_proc_file(getpid(), "/proc/PID/task", O_WRONLY, &file);
  EXPECT_TRUE(refused(status, Error::process_memory));
  EXPECT_STREQ(status.what(), "/proc/PID/task");
  EXPECT_EQ(status.error_number(), EISDIR);
}

TEST(ProcFiles, ListTheThreadsOfAProcess) {
  std::set<pid_t> threads;
  std::thread([&] {
    NumberDirectory tasks;
    ASSERT_TRUE(ok(tasks.open(getpid())));
    for (pid_t thread; tasks.next(&thread);) threads.insert(thread);
    EXPECT_TRUE(threads.contains(current_thread()));
  }).join();
  EXPECT_TRUE(threads.contains(getpid()));
  for (const pid_t thread : threads) EXPECT_GT(thread, 0);
}

TEST(ThreadStatus, TellsAZombieAndItsParent) {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  while (!read_thread_status(child, child).has_ended) usleep(100);
  EXPECT_EQ(read_thread_status(child, child).parent, getpid());
  waitpid(child, nullptr, 0);
  EXPECT_FALSE(read_thread_status(getpid(), getpid()).has_ended);
  EXPECT_TRUE(is_thread_of(getpid(), getpid()));
  EXPECT_FALSE(is_thread_of(getpid(), 1));
}

TEST(RemoteMemory, IsReadAndWrittenInFullOrRefusedWithTheAddress) {
  RemoteMemory memory;
  ASSERT_TRUE(ok(memory.open(getpid())));
  uint64_t value = 5, other = 7;
  const RemoteAddress address(reinterpret_cast<uint64_t>(&value));
  uint64_t got = 0;
  ASSERT_TRUE(ok(memory.read(address, &got, sizeof(got))));
  EXPECT_EQ(got, 5u);
  ASSERT_TRUE(ok(memory.write(address, &other, sizeof(other))));
  EXPECT_EQ(value, 7u);
  const Status status = memory.read(RemoteAddress(0x10), &got, sizeof(got));
  EXPECT_TRUE(refused(status, Error::address));
  EXPECT_EQ(status.value(), 0x10u);
}

TEST(RemoteAddresses, AreNoNumbersAndNoPointers) {
  static_assert(!std::is_convertible_v<uint64_t, RemoteAddress> && !std::is_convertible_v<RemoteAddress, uint64_t>);
  static_assert(!std::is_convertible_v<void*, RemoteAddress> && !std::is_constructible_v<void*, RemoteAddress>);
  EXPECT_TRUE(RemoteAddress().is_null());
  EXPECT_EQ((RemoteAddress(8) + 4).value(), 12u);
  EXPECT_EQ((RemoteAddress(8) - 4).value(), 4u);
  EXPECT_LT(RemoteAddress(8), RemoteAddress(9));
}

}  // namespace
}  // namespace pagestore::test

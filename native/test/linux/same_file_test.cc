#include "linux/same_file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "linux/claimed_name.h"
#include "linux/descriptor_copies.h"
#include "support.h"
#include "system/scoped_fd.h"

namespace pagestore::test {
namespace {

using Open = std::function<ScopedFd()>;

ScopedFd open_pipe() {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  close(ends[0]);
  return ScopedFd(ends[1]);
}

// What can be polled, and what cannot.
const std::vector<Open>& streams() {
  static const std::vector<Open> all = {
      open_pipe,
      [] { return ScopedFd(socket(AF_UNIX, SOCK_STREAM, 0)); },
      [] { return ScopedFd(eventfd(0, 0)); },
      [] { return ScopedFd(timerfd_create(CLOCK_MONOTONIC, 0)); },
      [] { return ScopedFd(open("/dev/ptmx", O_RDWR | O_NOCTTY)); },
  };
  return all;
}

const std::vector<Open>& files() {
  static const std::vector<Open> all = {
      [] { return ScopedFd(open("/proc/self/exe", O_RDONLY)); },
      [] { return ScopedFd(open("/tmp", O_RDONLY | O_DIRECTORY)); },
      [] { return ScopedFd(open("/dev/null", O_RDONLY)); },
      [] { return ScopedFd(open("/dev/full", O_WRONLY)); },
  };
  return all;
}

Sameness compare_in_turn(int a, int b) {
  MarkingTurn turn;
  return compare_by_mark(a, b, &turn);
}

Sameness compare_by_each_means(int a, int b) {
  MarkingTurn turn;
  return compare_descriptors(a, b, &turn);
}

template <typename Compare>
void expect_answers(Compare compare, const std::vector<Open>& all) {
  for (size_t i = 0; i < all.size(); ++i) {
    const ScopedFd first = all[i](), second = all[i](), copy(dup(first.get()));
    ASSERT_TRUE(first.is_open() && second.is_open() && copy.is_open()) << i;
    EXPECT_EQ(compare(first.get(), copy.get()), Sameness::same) << i;
    EXPECT_EQ(compare(copy.get(), first.get()), Sameness::same) << i;
    EXPECT_EQ(compare(first.get(), second.get()), Sameness::different) << i;
    EXPECT_EQ(fcntl(first.get(), F_GETSIG), 0) << i;
  }
}

TEST(SameFile, IsFoundByPollingWhatCanBePolled) {
  expect_answers(compare_by_polling, streams());
  for (const Open& each : files()) {
    const ScopedFd file = each();
    EXPECT_EQ(compare_by_polling(file.get(), file.get()), Sameness::unknown);
  }
  const ScopedFd file = files()[0]();
  const ScopedFd stream = open_pipe();
  EXPECT_EQ(compare_by_polling(stream.get(), file.get()), Sameness::different);
}

TEST(SameFile, IsFoundByAMarkThatIsTakenBack) {
  expect_answers(compare_in_turn, files());
  const ScopedFd first = files()[0](), copy(dup(first.get())), second = files()[0]();
  for (const int signal : {SIGIO, SIGUSR1}) {
    ASSERT_EQ(fcntl(first.get(), F_SETSIG, signal), 0);
    ASSERT_EQ(fcntl(second.get(), F_SETSIG, signal), 0);
    EXPECT_EQ(compare_in_turn(first.get(), copy.get()), Sameness::same);
    EXPECT_EQ(compare_in_turn(first.get(), second.get()), Sameness::different);
    EXPECT_EQ(fcntl(copy.get(), F_GETSIG), signal);
  }
}

// Whoever has it open would get the signal of the mark.
TEST(SameFile, IsNotMarkedWhereSomebodyMayWaitForItsSignal) {
  const ScopedFd stream = open_pipe(), copy(dup(stream.get()));
  EXPECT_EQ(compare_in_turn(stream.get(), copy.get()), Sameness::unknown);
  const ScopedFd file(open("/tmp", O_TMPFILE | O_RDWR, 0600)), same(dup(file.get()));
  if (!file.is_open()) return;
  EXPECT_EQ(compare_in_turn(file.get(), same.get()), Sameness::same);
  ASSERT_EQ(fcntl(file.get(), F_SETLEASE, F_WRLCK), 0);
  EXPECT_EQ(compare_in_turn(file.get(), same.get()), Sameness::unknown);
  ASSERT_EQ(fcntl(file.get(), F_SETLEASE, F_UNLCK), 0);
  const ScopedFd folder(open("/tmp", O_RDONLY | O_DIRECTORY)), again(dup(folder.get()));
  ASSERT_EQ(fcntl(folder.get(), F_SETSIG, SIGUSR1), 0);
  EXPECT_EQ(compare_in_turn(folder.get(), again.get()), Sameness::unknown);
}

TEST(SameFile, IsWhatTheKernelSaysWhereItIsAsked) {
  const ScopedFd probe = open_pipe();
  if (compare_by_query(probe.get(), probe.get()) == Sameness::unknown) GTEST_SKIP() << "Linux before 6.10";
  expect_answers(compare_by_query, streams());
  expect_answers(compare_by_query, files());
  const ScopedFd path(open("/tmp", O_PATH)), copy(dup(path.get())), other(open("/tmp", O_PATH));
  EXPECT_EQ(compare_by_query(path.get(), copy.get()), Sameness::same);
  EXPECT_EQ(compare_by_query(path.get(), other.get()), Sameness::different);
}

TEST(SameFile, IsFoundForAll) {
  expect_answers(compare_by_each_means, streams());
  expect_answers(compare_by_each_means, files());
}

TEST(SameFile, IsNotMarkedOutOfTurn) {
  const std::string name = "pagestore/test/marks/" + std::to_string(getpid());
  const ScopedFd file = files()[0](), same(dup(file.get()));
  ScopedFd others = claim_name(name.c_str());
  ASSERT_TRUE(others.is_open());
  MarkingTurn missed(name.c_str());
  EXPECT_EQ(compare_by_mark(file.get(), same.get(), &missed), Sameness::unknown);
  others = ScopedFd();
  // One wait is for a whole list.
  EXPECT_EQ(compare_by_mark(file.get(), same.get(), &missed), Sameness::unknown);
  MarkingTurn turn(name.c_str());
  EXPECT_EQ(compare_by_mark(file.get(), same.get(), &turn), Sameness::same);
  EXPECT_FALSE(claim_name(name.c_str()).is_open());
  EXPECT_EQ(compare_by_mark(file.get(), same.get(), &turn), Sameness::same);
}

// Each of several searches compares a file that they share.
TEST(SameFile, IsFoundByManyAtOnce) {
  const ScopedFd shared = files()[0]();
  std::atomic<int> wrong = 0;
  std::vector<std::thread> searches;
  for (int i = 0; i < 4; ++i) {
    searches.emplace_back([&] {
      const ScopedFd mine(dup(shared.get())), other = files()[0]();
      for (int round = 0; round < 500; ++round) {
        if (compare_in_turn(mine.get(), shared.get()) != Sameness::same) ++wrong;
        if (compare_in_turn(mine.get(), other.get()) != Sameness::different) ++wrong;
        if (compare_in_turn(other.get(), mine.get()) != Sameness::different) ++wrong;
      }
    });
  }
  for (std::thread& each : searches) each.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(fcntl(shared.get(), F_GETSIG), 0);
}

// Copies of descriptors by their numbers, which are those of the originals here.
TEST(DescriptorCopies, ToldApartLeaveTheSignalsOfOthersAlone) {
  const ScopedFd stream = open_pipe(), other = open_pipe(), same(dup(stream.get())), file = files()[0](),
                 same_file(dup(file.get())), other_file = files()[0](), kept(dup(file.get()));
  ASSERT_EQ(fcntl(stream.get(), F_SETSIG, SIGUSR2), 0);
  std::atomic<bool> is_over = false;
  std::atomic<int> changes = 0;
  std::thread observer([&] {
    while (!is_over) {
      if (fcntl(stream.get(), F_GETSIG) != SIGUSR2 || fcntl(other.get(), F_GETSIG) != 0) ++changes;
    }
  });
  std::thread another([&] {
    for (int signal = 1; !is_over; signal = signal % 64 + 1) fcntl(kept.get(), F_SETSIG, signal);
  });
  std::vector<int> numbers = {stream.get(), other.get(), same.get(), file.get(), same_file.get(), other_file.get()};
  std::sort(numbers.begin(), numbers.end());
  int wrong = 0;
  for (int round = 0; round < 200; ++round) {
    DescriptorCopies copies;
    for (const int each : numbers) ASSERT_TRUE(ok(copies.add(each, dup(each))));
    ASSERT_TRUE(ok(copies.add_ours(kept.get())));
    ASSERT_TRUE(ok(copies.find_files()));
    wrong += copies.compare(stream.get(), same.get()) != Sameness::same;
    wrong += copies.compare(stream.get(), other.get()) != Sameness::different;
    wrong += copies.order(stream.get(), same.get()) != 0 || copies.order(stream.get(), other.get()) == 0;
    const ScopedFd probe = open_pipe();
    if (compare_by_query(probe.get(), probe.get()) == Sameness::unknown) continue;
    wrong += copies.compare(file.get(), same_file.get()) != Sameness::same;
    wrong += copies.compare(file.get(), other_file.get()) != Sameness::different;
    wrong += copies.compare_with_ours(file.get(), kept.get()) != Sameness::same;
    wrong += copies.compare_with_ours(other_file.get(), kept.get()) != Sameness::different;
  }
  is_over = true;
  observer.join();
  another.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(changes, 0);
}

}  // namespace
}  // namespace pagestore::test

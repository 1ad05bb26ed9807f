// A process that is stopped and runs on, and who learns of its end.
#include "ptrace/stopped_process.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <thread>

#include "support.h"

namespace pagestore::test {
namespace {

// Shared with the children.
struct Shared {
  std::atomic<uint64_t> count;
  std::atomic<bool> is_up;
  std::atomic<pid_t> grandchild;
};
Shared* shared;

class Standstill : public testing::Test {
 protected:
  void SetUp() override {
    shared =
        static_cast<Shared*>(mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    ASSERT_NE(shared, MAP_FAILED);
  }
  void TearDown() override {
    for (const pid_t child : children_) {
      kill(child, SIGKILL);
      waitpid(child, nullptr, 0);
    }
    munmap(shared, sizeof(Shared));
  }

  // A child that runs `body` for ever once it says that it is up.
  pid_t start(const std::function<void()>& body) {
    const pid_t child = fork();
    if (child == 0) {
      body();
      _exit(0);
    }
    children_.push_back(child);
    while (!shared->is_up) usleep(100);
    return child;
  }

  void reaped(pid_t child) { std::erase(children_, child); }

 private:
  std::vector<pid_t> children_;
};

void count(int) {
  ++shared->count;
}

TEST_F(Standstill, NoThreadRunsUntilItIsOver) {
  const pid_t child = start([] {
    const auto run = [] {
      for (;;) ++shared->count;
    };
    std::thread one(run), other(run);
    shared->is_up = true;
    // Others come and go.
    for (;;) std::thread([] { usleep(50); }).join();
  });
  for (int round = 0; round < 20; ++round) {
    StoppedProcess stopped;
    ASSERT_TRUE(ok(stopped.stop(child)));
    const uint64_t before = shared->count;
    usleep(2000);
    ASSERT_EQ(shared->count, before);
    stopped.resume();
    while (shared->count == before) usleep(1000);
  }
}

TEST_F(Standstill, NoSignalIsLost) {
  const pid_t child = start([] {
    signal(SIGRTMIN, count);
    shared->is_up = true;
    for (;;) pause();
  });
  constexpr uint64_t kSignals = kSanitized ? 3'000 : 20'000;
  uint64_t sent = 0;
  while (sent < kSignals) {
    for (int i = 0; i < 40; ++i) sent += sigqueue(child, SIGRTMIN, {}) == 0;
    StoppedProcess stopped;
    ASSERT_TRUE(ok(stopped.stop(child)));
  }
  // As long as more of them come.
  uint64_t before = 0;
  for (int idle = 0; shared->count < sent && idle < 5000; ++idle) {
    if (shared->count != before) idle = 0;
    before = shared->count;
    usleep(1000);
  }
  EXPECT_EQ(shared->count, sent);
}

TEST_F(Standstill, TheParentLearnsOfAProcessThatWasKilledMeanwhile) {
  const pid_t parent = start([] {
    const pid_t child = fork();
    if (child == 0) {
      for (;;) pause();
    }
    shared->grandchild = child;
    shared->is_up = true;
    int status = 0;
    _exit(waitpid(child, &status, 0) == child && WIFSIGNALED(status) ? WTERMSIG(status) : 1);
  });
  {
    StoppedProcess stopped;
    ASSERT_TRUE(ok(stopped.stop(shared->grandchild)));
    kill(shared->grandchild, SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(parent, &status, 0), parent);
  reaped(parent);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), SIGKILL);
}

TEST_F(Standstill, TheEndOfOurOwnChildIsLeftForUsToWaitFor) {
  const pid_t child = start([] {
    shared->is_up = true;
    for (;;) pause();
  });
  {
    StoppedProcess stopped;
    ASSERT_TRUE(ok(stopped.stop(child)));
    kill(child, SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  reaped(child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

TEST_F(Standstill, OfAProcessThatHasEndedIsRefused) {
  const pid_t child = start([] { shared->is_up = true; });
  while (kill(child, 0) == 0) {
    siginfo_t info{};
    if (waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == child) break;
  }
  StoppedProcess stopped;
  EXPECT_TRUE(refused(stopped.stop(child), Error::process_gone));
}

TEST_F(Standstill, OfOneThatSomebodyElseTracesIsRefusedAndChangesNothing) {
  const pid_t child = start([] {
    shared->is_up = true;
    for (;;) ++shared->count;
  });
  StoppedProcess first, second;
  ASSERT_TRUE(ok(first.stop(child)));
  EXPECT_TRUE(refused(second.stop(child), Error::permission));
  first.resume();
  EXPECT_TRUE(ok(second.stop(child)));
}

}  // namespace
}  // namespace pagestore::test

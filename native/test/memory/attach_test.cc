// A process that somebody else started: attached, rolled back, detached; and it runs on as if nothing had been.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <thread>

#include "system/scoped_fd.h"
#include "tracing.h"

namespace pagestore::test {
namespace {

struct Pipe {
  Pipe() {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    out = ScopedFd(ends[0]);
    in = ScopedFd(ends[1]);
  }
  ScopedFd out, in;
};

// A program whose parent is not this one. It ends with the test: `end` kills it.
class Stranger {
 public:
  explicit Stranger(const std::vector<std::string>& command, int input = -1, int output = -1) {
    Pipe pids;
    // Its parent is a child of ours, which waits for it and tells us its status.
    middle_ = std::make_unique<Child>([&] {
      const pid_t child = fork();
      if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (input >= 0) dup2(input, 0);
        if (output >= 0) dup2(output, 1);
        std::vector<char*> arguments;
        for (const std::string& text : command) arguments.push_back(const_cast<char*>(text.c_str()));
        arguments.push_back(nullptr);
        execv(arguments[0], arguments.data());
        _exit(127);
      }
      if (write(pids.in.get(), &child, sizeof(child)) != sizeof(child)) _exit(1);
      int status = 0;
      while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
      _exit(WIFSIGNALED(status) ? 100 + WTERMSIG(status) : WEXITSTATUS(status));
    });
    EXPECT_EQ(read(pids.out.get(), &pid_, sizeof(pid_)), static_cast<ssize_t>(sizeof(pid_)));
  }
  pid_t pid() const { return pid_; }
  // The status that its parent got.
  int end(int signal = SIGKILL) {
    kill(pid_, signal);
    const int status = middle_->wait();
    return WEXITSTATUS(status);
  }
  int wait() { return WEXITSTATUS(middle_->wait()); }

 private:
  std::unique_ptr<Child> middle_;
  pid_t pid_ = 0;
};

uint64_t count_at(pid_t pid, uint64_t counters) {
  const ScopedFd memory(open(("/proc/" + std::to_string(pid) + "/mem").c_str(), O_RDONLY | O_CLOEXEC));
  uint64_t counts[4] = {};
  EXPECT_EQ(pread(memory.get(), counts, sizeof(counts), static_cast<off_t>(counters)),
            static_cast<ssize_t>(sizeof(counts)));
  return counts[0] + counts[1] + counts[2] + counts[3];
}

void expect_running(pid_t pid, uint64_t counters) {
  EXPECT_EQ(tracer_of(pid), 0);
  const uint64_t before = count_at(pid, counters);
  while (count_at(pid, counters) == before) usleep(1000);
}

class Attached : public testing::Test {
 protected:
  // A program with threads that sleep and count, and that writes the address of its counters.
  std::unique_ptr<Stranger> start_counting() {
    auto stranger =
        std::make_unique<Stranger>(std::vector{program("threads"), std::string("sleep")}, -1, output_.in.get());
    char line[40] = "";
    EXPECT_GT(read(output_.out.get(), line, sizeof(line) - 1), 0);
    counters_ = strtoull(line, nullptr, 16);
    return stranger;
  }
  Pipe input_, output_;
  uint64_t counters_ = 0;
};

TEST_F(Attached, ThreadsAreAllStoppedAndRunOnWhenTheyAreDetached) {
  const auto stranger = start_counting();
  for (const bool detaches : {true, false}) {
    {
      Program program(stranger->pid());
      ASSERT_TRUE(ok(program.status()));
      EXPECT_EQ(program->process().threads().size(), 4u);
      const ScopedSnapshot saved = program.capture();
      const uint64_t before = count_at(stranger->pid(), counters_);
      usleep(5000);
      EXPECT_EQ(count_at(stranger->pid(), counters_), before);
      for (int i = 0; i < 10; ++i) {
        // However long it takes on a busy machine until one of them has had its turn.
        while (count_at(stranger->pid(), counters_) == before) {
          ASSERT_TRUE(stopped(program.run_for(5), StopKind::timeout));
        }
        program.restore(saved);
        EXPECT_EQ(count_at(stranger->pid(), counters_), before);
      }
      if (detaches) {
        ASSERT_TRUE(ok(program->detach()));
        expect_running(stranger->pid(), counters_);
      }
    }
    expect_running(stranger->pid(), counters_);
  }
  EXPECT_EQ(stranger->end(), 100 + SIGKILL);
}

TEST_F(Attached, InTheMiddleOfARead) {
  Stranger stranger({program("stops"), "read"}, input_.out.get());
  wait_until_in_call(stranger.pid(), SYS_read);
  {
    Program program(stranger.pid());
    ASSERT_TRUE(ok(program.status()));
    const ScopedSnapshot saved = program.capture();
    ASSERT_TRUE(stopped(program.run_for(5), StopKind::timeout));
    program.restore(saved);
  }
  EXPECT_EQ(tracer_of(stranger.pid()), 0);
  ASSERT_EQ(write(input_.in.get(), "\x07", 1), 1);
  EXPECT_EQ(stranger.wait(), 7);
}

TEST_F(Attached, ToItsExitAndRolledBackFromThere) {
  Stranger stranger({program("stops"), "read"}, input_.out.get());
  wait_until_in_call(stranger.pid(), SYS_read);
  // What was read from a pipe is not put back; the test writes it again.
  Program program(stranger.pid(), false);
  const ScopedSnapshot saved = program.capture();
  for (const char byte : {3, 4, 5}) {
    ASSERT_EQ(write(input_.in.get(), &byte, 1), 1);
    ASSERT_TRUE(stopped(program.resume(), StopKind::exit, byte));
    program.restore(saved);
  }
  program.release();
  ASSERT_EQ(write(input_.in.get(), "\x09", 1), 1);
  EXPECT_EQ(stranger.wait(), 9);
}

TEST_F(Attached, InAGroupStopItStaysThere) {
  const auto stranger = start_counting();
  kill(stranger->pid(), SIGSTOP);
  while (state_of(stranger->pid()) != 'T') usleep(1000);
  {
    Program program(stranger->pid());
    ASSERT_TRUE(ok(program.status()));
    const ScopedSnapshot saved = program.capture();
    ASSERT_TRUE(stopped(program.run_for(20), StopKind::timeout));
    program.restore(saved);
  }
  while (state_of(stranger->pid()) != 'T') usleep(1000);
  const uint64_t before = count_at(stranger->pid(), counters_);
  usleep(5000);
  EXPECT_EQ(count_at(stranger->pid(), counters_), before);
  kill(stranger->pid(), SIGCONT);
  expect_running(stranger->pid(), counters_);
}

TEST_F(Attached, ThatWasKilledHasEndedAlsoForItsParent) {
  const auto stranger = start_counting();
  Program program(stranger->pid());
  program->kill();
  EXPECT_EQ(stranger->wait(), 100 + SIGKILL);
  Snapshot snapshot;
  EXPECT_TRUE(refused(program->capture(&snapshot), Error::process_gone));
}

TEST_F(Attached, ASignalThatItStoppedForIsDeliveredAfterAll) {
  const auto stranger = start_counting();
  {
    Program program(stranger->pid());
    const ScopedSnapshot saved = program.capture();
    kill(stranger->pid(), SIGTERM);
    ASSERT_TRUE(stopped(program.resume(), StopKind::signal, SIGTERM));
    const ScopedSnapshot before = program.capture();
    program.restore(before);
  }
  EXPECT_EQ(stranger->wait(), 100 + SIGTERM);
}

TEST_F(Attached, AChildOfOurOwnLeavesItsStatusToUs) {
  Child child({program("calls"), "futex-endless"});
  wait_until_in_call(child.pid(), SYS_futex);
  {
    Program program(child.pid());
    ASSERT_TRUE(ok(program.status()));
    const ScopedSnapshot saved = program.capture();
    ASSERT_TRUE(stopped(program.run_for(5), StopKind::timeout));
    program.restore(saved);
    kill(child.pid(), SIGKILL);
    ASSERT_TRUE(stopped(program.resume(), StopKind::killed, SIGKILL));
  }
  const int status = child.wait();
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

TEST_F(Attached, AChildOfOurOwnIsForTheMainThread) {
  Child child({program("stops"), "spin"});
  std::thread([&] {
    Program program(child.pid());
    EXPECT_TRUE(refused(program.status(), Error::wrong_thread));
  }).join();
}

TEST_F(Attached, CallsFromAnotherThreadAreRefused) {
  Program program({test::program("stops"), "spin"});
  const ScopedSnapshot saved = program.capture();
  std::thread([&] {
    Snapshot snapshot;
    Stop stop;
    Registers registers;
    EXPECT_TRUE(refused(program->capture(&snapshot), Error::wrong_thread));
    EXPECT_TRUE(refused(program->restore(*saved), Error::wrong_thread));
    EXPECT_TRUE(refused(program->resume({}, &stop), Error::wrong_thread));
    EXPECT_TRUE(refused(program->registers({}, &registers), Error::wrong_thread));
    EXPECT_TRUE(refused(program->detach(), Error::wrong_thread));
  }).join();
  ASSERT_TRUE(stopped(program.run_for(5), StopKind::timeout));
}

TEST_F(Attached, WhatIsNotThereOrTracedAlreadyIsRefused) {
  {
    Child child([] {});
    const pid_t pid = child.pid();
    child.wait();
    Program program(pid);
    EXPECT_TRUE(refused(program.status(), Error::process_gone));
  }
  Child child({test::program("stops"), "spin"});
  Program first(child.pid());
  ASSERT_TRUE(ok(first.status()));
  Program second(child.pid());
  EXPECT_TRUE(refused(second.status(), Error::permission));
}

TEST(Detached, ASpawnedProgramWithoutAFilterRunsOn) {
  Wishes wishes;
  wishes.has_filter = false;
  Pipe input;
  wishes.streams[0] = input.out.get();
  pid_t pid;
  {
    Program program({test::program("stops"), "read"}, wishes);
    pid = program.pid();
    const ScopedSnapshot saved = program.capture();
    ASSERT_TRUE(stopped(program.run_for(5), StopKind::timeout));
    program.restore(saved);
    ASSERT_TRUE(ok(program->detach()));
    Stop stop;
    EXPECT_TRUE(refused(program->resume({}, &stop), Error::process_gone));
  }
  EXPECT_EQ(tracer_of(pid), 0);
  ASSERT_EQ(write(input.in.get(), "\x0b", 1), 1);
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(WEXITSTATUS(status), 11);
}

TEST(Detached, AProgramAtAChoiceChoosesByItself) {
  Wishes wishes;
  wishes.has_filter = false;
  wishes.environment = {"PAGESTORE_TRACE=2,1"};
  Program program({test::program("choices")}, wishes);
  ASSERT_TRUE(stopped(program.resume(), StopKind::choice));
  const pid_t pid = program.pid();
  ASSERT_TRUE(ok(program->detach()));
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(WEXITSTATUS(status), 21);
}

TEST(Detached, WithAFilterItIsRefused) {
  Program program({test::program("stops"), "exit", "3"});
  EXPECT_TRUE(refused(program->detach(), Error::tracee));
  ASSERT_TRUE(stopped(program.resume(), StopKind::exit, 3));
}

}  // namespace
}  // namespace pagestore::test

// A program that is killed, memory that runs out, a start that fails: a clear error, and nothing is left.
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <chrono>
#include <thread>

#include "system/scoped_fd.h"
#include "tracing.h"

namespace pagestore::test {
namespace {

std::vector<std::string> commands(const std::string& name, const std::string& what) {
  return {program(name), what};
}

// Whatever is done to a program after its end is refused; its end can still be reported.
void expect_ended(Program& program) {
  Snapshot snapshot;
  EXPECT_TRUE(refused(program->capture(&snapshot), Error::process_gone));
  Stop stop;
  Status status = program->resume({}, &stop);
  if (status.error() == Error::choice) {
    RunOptions options;
    options.choose = 0;
    status = program->resume(options, &stop);
  }
  if (status.is_ok()) {
    EXPECT_TRUE(stopped(stop, StopKind::killed, SIGKILL));
  } else {
    EXPECT_TRUE(refused(status, Error::process_gone));
  }
}

TEST(Killed, BeforeEachStepItIsGoneAndNothingIsLeft) {
  for (const char* name : {"state", "threads"}) {
    for (int step = 1; step < 4; ++step) {
      Program program(commands(name, "registers"));
      // With all of its threads.
      while (program.resume().kind != StopKind::assertion) continue;
      const ScopedSnapshot saved = program.capture();
      program.run_for(2);
      kill(program.pid(), SIGKILL);
      Snapshot snapshot;
      Stop stop;
      if (step == 1) {
        EXPECT_TRUE(refused(program->capture(&snapshot), Error::process_gone));
      }
      if (step == 2) {
        EXPECT_TRUE(refused(program->restore(*saved), Error::process_gone));
      }
      if (step == 3) {
        ASSERT_TRUE(ok(program->resume({}, &stop)));
        EXPECT_TRUE(stopped(stop, StopKind::killed, SIGKILL));
      }
      expect_ended(program);
    }
  }
}

// Somebody kills it after that many microseconds.
class Killer {
 public:
  Killer(pid_t pid, int delay)
      : thread_([=] {
          const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(delay);
          while (std::chrono::steady_clock::now() < end) continue;
          kill(pid, SIGKILL);
        }) {}
  ~Killer() { thread_.join(); }

 private:
  std::thread thread_;
};

TEST(Killed, AtAnyMomentItIsGoneAndNothingIsLeft) {
  const int most = kSanitized ? 25 : 80;
  for (int i = 0; i < most; ++i) {
    const bool has_threads = i % 3 == 0;
    Program program(has_threads ? commands("threads", "count") : commands("changes", "/proc/self/exe"));
    Stop stop = program.resume();
    const ScopedSnapshot first = program.capture();
    Killer killer(program.pid(), i * i);
    Status status = Status::ok();
    Snapshot snapshot;
    for (int64_t round = 0; status.is_ok(); ++round) {
      RunOptions options;
      options.timeout = 1;
      if (stop.kind == StopKind::choice) options.choose = round * 7919 % (1 << 20);
      status = program->resume(options, &stop);
      if (status.is_ok() && stop.has_ended) break;
      if (status.is_ok()) status = program->capture(&snapshot);
      if (!status.is_ok()) break;
      const ScopedSnapshot saved(program.store(), snapshot);
      if (round % 2 == 1 && !has_threads) status = program->restore(*first), stop.kind = StopKind::choice;
    }
    if (status.is_ok()) {
      EXPECT_TRUE(stopped(stop, StopKind::killed, SIGKILL));
    } else {
      EXPECT_TRUE(refused(status, Error::process_gone));
      expect_ended(program);
    }
  }
}

TEST(Killed, WhileThreadsComeAndGo) {
  const int most = kSanitized ? 10 : 40;
  for (int i = 0; i < most; ++i) {
    Program program(commands("stops", "threads-spin"));
    Killer killer(program.pid(), i * 300);
    Status status = Status::ok();
    Stop stop;
    while (status.is_ok() && !(stop.has_ended && stop.kind == StopKind::killed)) status = program->resume({}, &stop);
    EXPECT_TRUE(ok(status));
  }
}

TEST(StoreThatIsFull, RefusesACaptureAndLeavesAllAsItWas) {
  Wishes wishes;
  wishes.max_pages = 100;
  Program program(commands("state", "sum"), wishes);
  Snapshot snapshot;
  EXPECT_TRUE(refused(program->capture(&snapshot), Error::out_of_memory));
  EXPECT_EQ(program.store()->stats().pages, 0u);
  ASSERT_TRUE(stopped(program.resume(), StopKind::choice, 3));
}

TEST(StoreThatIsFull, RefusesLaterCapturesUntilThereIsRoom) {
  size_t pages;
  {
    Program program(commands("changes", "/proc/self/exe"));
    program.resume();
    const ScopedSnapshot saved = program.capture();
    pages = program.store()->stats().pages;
  }
  for (size_t more = 0; more < 12; ++more) {
    Wishes wishes;
    wishes.max_pages = pages + more;
    Program program(commands("changes", "/proc/self/exe"), wishes);
    program.resume();
    std::vector<ScopedSnapshot> saved;
    std::vector<Truth> truths;
    Status status = Status::ok();
    for (int round = 0; status.is_ok() && round < 100; ++round) {
      Snapshot snapshot;
      status = program->capture(&snapshot);
      if (!status.is_ok()) break;
      saved.emplace_back(program.store(), snapshot);
      truths.push_back(truth_of(program));
      ASSERT_TRUE(stopped(program.choose(round * 65536 + 256 * 33 + (round % 2 ? 15 : 0)), StopKind::choice));
    }
    ASSERT_TRUE(refused(status, Error::out_of_memory));
    // What there is can be restored, and with room again be taken.
    if (saved.empty()) continue;
    program.restore(saved[0]);
    ASSERT_TRUE(same(truth_of(program), truths[0]));
    while (saved.size() > 1) saved.pop_back();
    const ScopedSnapshot again = program.capture();
    EXPECT_TRUE(equal(*again, *saved[0]));
  }
}

TEST(ProgramWithoutMemory, CannotHaveItsMappingsBackUntilItHas) {
  Program program(commands("changes", "/proc/self/exe"));
  program.resume();
  const ScopedSnapshot small = program.capture();
  for (int slot = 0; slot < 12; ++slot)
    ASSERT_TRUE(stopped(program.choose(12 + slot * 16 + 7 * 256), StopKind::choice));
  const ScopedSnapshot large = program.capture();
  const Truth truth = truth_of(program);
  program.restore(small);
  rlimit before, now{8 << 20, 8 << 20};
  ASSERT_EQ(prlimit(program.pid(), RLIMIT_AS, nullptr, &before), 0);
  now.rlim_max = before.rlim_max;
  ASSERT_EQ(prlimit(program.pid(), RLIMIT_AS, &now, nullptr), 0);
  const Status status = program->restore(*large);
  ASSERT_TRUE(refused(status, Error::mapping));
  EXPECT_EQ(status.error_number(), ENOMEM);
  EXPECT_NE(status.value(), 0u);
  // It is nothing known, and yet can be made whole.
  program.restore(small);
  EXPECT_TRUE(equal(*program.capture(), *small));
  ASSERT_EQ(prlimit(program.pid(), RLIMIT_AS, &before, nullptr), 0);
  program.restore(large);
  EXPECT_TRUE(same(truth_of(program), truth));
}

class Start : public testing::Test {
 protected:
  Start() { wishes_.is_expected_to_start = false; }
  Wishes wishes_;
};

TEST_F(Start, OfWhatIsNoProgramIsRefused) {
  for (const auto& [file, error_number] :
       {std::pair{"/no/such/program", ENOENT}, {"/proc/version", EACCES}, {"/", EACCES}}) {
    Program program({file}, wishes_);
    EXPECT_TRUE(refused(program.status(), Error::spawn));
    EXPECT_STREQ(program.status().what(), "exec");
    EXPECT_EQ(program.status().error_number(), error_number) << file;
  }
}

TEST_F(Start, WithADescriptorThatIsNotOpenIsRefused) {
  wishes_.streams[1] = 987;
  Program program(commands("state", "sum"), wishes_);
  EXPECT_TRUE(refused(program.status(), Error::spawn));
  EXPECT_STREQ(program.status().what(), "stdio");
  EXPECT_EQ(program.status().error_number(), EBADF);
}

TEST_F(Start, LeavesNoChildAndNoDescriptorWhenItFails) {
  { Program first({"/no/such/program"}, wishes_); }
  const size_t before = open_descriptors();
  for (int i = 0; i < 20; ++i) Program({"/no/such/program"}, wishes_);
  for (int i = 0; i < 20; ++i) Program(commands("stops", "exit"));
  EXPECT_EQ(open_descriptors(), before);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG | __WALL), -1);
}

volatile sig_atomic_t ended;

TEST(OtherChildren, AreLeftToWhoeverStartedThem) {
  struct sigaction action {};
  struct sigaction old {};
  action.sa_handler = [](int) { ended = ended + 1; };
  action.sa_flags = SA_RESTART;
  ASSERT_EQ(sigaction(SIGCHLD, &action, &old), 0);
  ended = 0;
  {
    Program program(commands("state", "sum"));
    program.resume();
    const ScopedSnapshot saved = program.capture();
    std::vector<pid_t> children;
    for (int i = 0; i < 60; ++i) {
      const pid_t child = fork();
      if (child == 0) {
        usleep(static_cast<useconds_t>(i * 977 % 5000));
        _exit(i);
      }
      children.push_back(child);
    }
    // While the kernel has their zombies to report, too, it runs and is interrupted.
    for (int i = 0; i < 50; ++i) {
      ASSERT_TRUE(stopped(program.choose(i % 3), StopKind::choice, 3));
      program.restore(saved);
    }
    Program other(commands("stops", "spin"));
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(stopped(other.run_for(2), StopKind::timeout));
    for (int i = 0; i < 60; ++i) {
      int status = 0;
      ASSERT_EQ(waitpid(children[static_cast<size_t>(i)], &status, 0), children[static_cast<size_t>(i)]);
      EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == i);
    }
  }
  EXPECT_GT(ended, 0);
  sigaction(SIGCHLD, &old, nullptr);
}

}  // namespace
}  // namespace pagestore::test

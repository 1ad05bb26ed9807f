// A program that waits in a system call is interrupted, captured, run on and rolled back: the call does what
// it would have done.
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>

#include "ptrace/hidden_call.h"
#include "system/scoped_fd.h"
#include "tracing.h"

namespace pagestore::test {
namespace {

// Never over while a test runs.
constexpr int kLongSleep = 3'600'000;

class Waiting : public testing::Test {
 protected:
  void SetUp() override {
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    out_ = ScopedFd(ends[0]);
    in_ = ScopedFd(ends[1]);
  }

  std::unique_ptr<Program> start(const std::string& call, int milliseconds, bool has_filter = true) {
    Wishes wishes;
    wishes.streams[0] = out_.get();
    wishes.has_filter = has_filter;
    // What was read from a pipe is not put back; these tests write it again.
    wishes.restores_files = false;
    return std::make_unique<Program>(std::vector{program("calls"), call, std::to_string(milliseconds)}, wishes);
  }

  void put(const std::string& text) const {
    ASSERT_EQ(write(in_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

  static std::string text_at(Program& program, uint64_t address) {
    const Bytes bytes = program.read(address, 100);
    return {reinterpret_cast<const char*>(bytes.data())};
  }
  // What came of the call; whether it took its time where that is asked.
  static std::string outcome(Program& program, const Stop& stop) {
    EXPECT_TRUE(stopped(stop, StopKind::assertion));
    return stop.kind == StopKind::assertion ? text_at(program, stop.text.value()) : "";
  }
  static std::string how_long(Program& program, const Stop& stop) {
    return stop.kind == StopKind::assertion ? text_at(program, stop.file.value()) : "";
  }
  // Interrupts the program in its call, `times` times in the same one. On a busy machine a call may end before: then
  // the program makes the next.
  static void interrupt(Program& program, int times = 1) {
    for (int i = 0; i < times;) {
      const Stop stop = program.run_for(2);
      if (stop.kind == StopKind::timeout) {
        i += is_interrupted(program.registers());
      } else {
        ASSERT_TRUE(stopped(stop, StopKind::assertion));
        i = 0;
      }
    }
  }
  static Stop resume_with(Program& program, SignalAnswer signal) {
    RunOptions options;
    options.signal = signal;
    return program.resume(options);
  }

 private:
  ScopedFd out_, in_;
};

TEST_F(Waiting, InReadGetsTheDataThatComesLater) {
  const auto program = start("read", 0);
  interrupt(*program);
  const ScopedSnapshot saved = program->capture();
  for (const char* text : {"one", "two", "three"}) {
    put(text);
    EXPECT_EQ(outcome(*program, program->resume()), std::to_string(strlen(text)) + " 0 0 " + text);
    program->restore(saved);
    ASSERT_TRUE(stopped(program->run_for(5), StopKind::timeout));
  }
}

TEST_F(Waiting, IsInterruptedAsOftenAsOneLikes) {
  for (const bool has_filter : {true, false}) {
    const auto program = start("read", 0, has_filter);
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(stopped(program->run_for(2), StopKind::timeout));
      const ScopedSnapshot saved = program->capture();
      program->restore(saved);
    }
    put("data");
    EXPECT_EQ(outcome(*program, program->resume()), "4 0 0 data");
  }
}

// Where the kernel hides how the call ended, we say what it says elsewhere.
TEST_F(Waiting, IsInterruptedAsIsKnownOfTheCall) {
  for (const char* call : {"read", "futex", "futex-endless", "sigsuspend", "nanosleep", "clock_nanosleep", "select"}) {
    const auto program = start(call, kLongSleep, false);
    interrupt(*program);
    const Registers registers = program->registers();
    EXPECT_EQ(registers.result(), interruption_of(registers.call())) << call;
  }
}

// Long enough to be interrupted several times, also on a busy machine.
constexpr int kSleep = 250;

// Of sleeps the kernel remembers how much is left, once for each thread: by another sleep it is lost.
class Sleeping : public Waiting, public testing::WithParamInterface<std::pair<const char*, const char*>> {};
INSTANTIATE_TEST_SUITE_P(, Sleeping,
                         testing::Values(std::pair{"nanosleep", "0 0 0 "}, std::pair{"clock_nanosleep", "0 0 0 "},
                                         std::pair{"poll", "0 0 0 "}, std::pair{"select", "0 0 0 "},
                                         std::pair{"futex", "-1 110 0 "}),
                         [](const auto& info) { return info.param.first; });

TEST_P(Sleeping, EndsInTimeWhenItIsInterruptedAndGoesOn) {
  const auto program = start(GetParam().first, kSleep);
  interrupt(*program, 3);
  const Stop stop = program->resume();
  EXPECT_EQ(outcome(*program, stop), GetParam().second);
  EXPECT_EQ(how_long(*program, stop), "slept");
}

TEST_P(Sleeping, EndsWellAfterARollback) {
  const auto program = start(GetParam().first, kSleep);
  interrupt(*program);
  const ScopedSnapshot first = program->capture();
  interrupt(*program, 2);
  const ScopedSnapshot second = program->capture();  // in the call that goes on with the first, unless that has ended
  interrupt(*program);
  for (const ScopedSnapshot* saved : {&first, &second, &first, &second}) {
    program->restore(*saved);
    Stop stop = program->run_for(5);
    if (stop.kind == StopKind::timeout) stop = program->resume();
    EXPECT_EQ(outcome(*program, stop), GetParam().second);
    EXPECT_EQ(how_long(*program, stop), "slept");
    // What the kernel remembered is spent: another sleep comes in between.
    interrupt(*program);
  }
}

TEST_P(Sleeping, IsTheSameStateHoweverOftenItWasInterrupted) {
  const std::string name = GetParam().first;
  // Where there is no system call poll, the C library has ppoll note it on the stack.
  const bool notes_rest = name == "select" || (name == "poll" && Registers::kHidesCalls);
  if (notes_rest) GTEST_SKIP() << "it notes how much is left in memory";
  const auto program = start(GetParam().first, kLongSleep);
  interrupt(*program);
  const ScopedSnapshot first = program->capture();
  program->restore(first);
  const ScopedSnapshot again = program->capture();
  interrupt(*program);
  const ScopedSnapshot later = program->capture();
  EXPECT_TRUE(equal(*first, *again));
  EXPECT_EQ(first->memory, later->memory);
  EXPECT_EQ(first->threads, later->threads);
}

TEST_P(Sleeping, IsEndedByASignalAlsoAfterARollback) {
  const auto program = start(GetParam().first, kLongSleep);
  interrupt(*program);
  kill(program->pid(), SIGUSR1);
  ASSERT_TRUE(stopped(program->resume(), StopKind::signal, SIGUSR1));
  const ScopedSnapshot saved = program->capture();
  const std::string name = GetParam().first;
  const std::string ended = name == "clock_nanosleep" ? "4 0 1 " : "-1 4 1 ";
  EXPECT_EQ(outcome(*program, program->resume()), ended);
  for (int i = 0; i < 3; ++i) {
    program->restore(saved);
    EXPECT_EQ(outcome(*program, program->resume()), ended);
    // And without the signal it goes on.
    program->restore(saved);
    RunOptions options;
    options.signal = SignalAnswer::suppress();
    options.timeout = 10;
    ASSERT_TRUE(stopped(program->resume(options), StopKind::timeout));
  }
}

TEST_F(Waiting, InAFutexWithoutEndStaysThere) {
  const auto program = start("futex-endless", 0);
  interrupt(*program);
  const ScopedSnapshot saved = program->capture();
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(stopped(program->run_for(2), StopKind::timeout));
    program->restore(saved);
  }
}

TEST_F(Waiting, ASignalInterruptsReadOrItIsMadeAgainAsTheHandlerSays) {
  for (const bool has_filter : {true, false}) {
    const auto program = start("read", 0, has_filter);
    interrupt(*program);
    kill(program->pid(), SIGUSR1);
    ASSERT_TRUE(stopped(program->resume(), StopKind::signal, SIGUSR1));
    const ScopedSnapshot interrupts = program->capture();
    EXPECT_EQ(outcome(*program, program->resume()), "-1 4 1 ");
    interrupt(*program);
    kill(program->pid(), SIGUSR2);
    ASSERT_TRUE(stopped(program->resume(), StopKind::signal, SIGUSR2));
    const ScopedSnapshot restarts = program->capture();
    for (int i = 0; i < 3; ++i) {
      program->restore(interrupts);
      EXPECT_EQ(outcome(*program, program->resume()), "-1 4 1 ");
      program->restore(restarts);
      interrupt(*program);
      put("more");
      EXPECT_EQ(outcome(*program, program->resume()), "4 0 1 more");
      // Suppressed, as if it had not come.
      program->restore(interrupts);
      put("x");
      EXPECT_EQ(outcome(*program, resume_with(*program, SignalAnswer::suppress())), "1 0 0 x");
      // From the entry of another call.
      const Stop stop = program->resume_to_call(SYS_read);
      ASSERT_TRUE(stopped(stop, StopKind::system_call, SYS_read));
      program->restore(interrupts);
      EXPECT_EQ(outcome(*program, program->resume()), "-1 4 1 ");
      program->resume_to_call(SYS_read);
      program->restore(interrupts);
      put("y");
      EXPECT_EQ(outcome(*program, resume_with(*program, SignalAnswer::suppress())), "1 0 0 y");
    }
  }
}

TEST_F(Waiting, SigsuspendGivesBackTheMaskThatItFound) {
  const auto program = start("sigsuspend", 0);
  interrupt(*program);
  const ScopedSnapshot saved = program->capture();
  for (int i = 0; i < 3; ++i) {
    kill(program->pid(), SIGUSR1);
    ASSERT_TRUE(stopped(program->resume(), StopKind::signal, SIGUSR1));
    EXPECT_EQ(outcome(*program, program->resume()), "-1 4 1 ");
    program->restore(saved);
    interrupt(*program);
  }
}

TEST_F(Waiting, AtItsEntryTheCallIsNotToldTwice) {
  for (const bool has_filter : {true, false}) {
    const auto program = start("read", 0, has_filter);
    Stop stop = program->resume_to_call(SYS_read);
    while (program->registers().call().arguments[0] != 0) stop = program->resume_to_call(SYS_read);
    ASSERT_TRUE(stopped(stop, StopKind::system_call, SYS_read));
    ASSERT_TRUE(stop.is_entry);
    const ScopedSnapshot saved = program->capture();
    for (int i = 0; i < 3; ++i) {
      put("abc");
      stop = program->resume_to_call(SYS_read);
      ASSERT_TRUE(stopped(stop, StopKind::system_call, SYS_read));
      EXPECT_FALSE(stop.is_entry);
      EXPECT_EQ(program->registers().result(), 3);
      EXPECT_EQ(outcome(*program, program->resume()), "3 0 0 abc");
      program->restore(saved);
      put("de");
      EXPECT_EQ(outcome(*program, program->resume()), "2 0 0 de");
      stop = program->resume_to_call(SYS_read);
      EXPECT_TRUE(stop.is_entry);
      program->restore(saved);
    }
  }
}

TEST_F(Waiting, NothingOfACallIsLeftInAThreadThatWasPutElsewhere) {
  const auto program = start("read", 0);
  const ScopedSnapshot begin = program->capture();
  interrupt(*program);
  const ScopedSnapshot inside = program->capture();
  for (int i = 0; i < 5; ++i) {
    program->restore(begin);
    EXPECT_TRUE(equal(*program->capture(), *begin));
    interrupt(*program);
    program->restore(inside);
    EXPECT_TRUE(equal(*program->capture(), *inside));
  }
}

}  // namespace
}  // namespace pagestore::test

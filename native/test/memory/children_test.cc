// What a live program starts: threads, processes, and itself as another program.
#include <signal.h>

#include "stops.h"

namespace pagestore::test {
namespace {

class Children : public WithAndWithoutFilter {};
INSTANTIATE_TEST_SUITE_P(, Children, testing::Bool(), filter_name);

TEST_P(Children, AnExecIsReportedAndTheNextProgramRuns) {
  Program program(stops("exec", "7"), wishes());
  ASSERT_TRUE(stopped(program.resume(), StopKind::exec));
  const ScopedSnapshot saved = program.capture();
  expect_end(program, 7);
}

TEST_P(Children, AnExecAmongThreadsEndsThem) {
  Program program(stops("thread-exec", "6"), wishes());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(stopped(program.resume(), StopKind::clone));
  EXPECT_EQ(program->process().threads().size(), 4u);
  ASSERT_TRUE(stopped(program.resume(), StopKind::exec));
  EXPECT_EQ(program->process().threads().size(), 1u);
  expect_end(program, 6);
}

TEST_P(Children, AThreadIsReportedAtItsStartAndItsEnd) {
  Program program(stops("thread"), wishes());
  Stop stop = program.resume();
  ASSERT_TRUE(stopped(stop, StopKind::clone));
  const auto thread = static_cast<pid_t>(stop.value);
  EXPECT_EQ(program->process().threads().size(), 2u);
  stop = program.resume();
  ASSERT_TRUE(stopped(stop, StopKind::thread_exit, 0));
  EXPECT_EQ(stop.thread, thread);
  EXPECT_FALSE(stop.has_ended);
  expect_end(program, 5);
}

TEST_P(Children, AThreadThatRunsAloneToItsEndHasEnded) {
  Program program(stops("thread"), wishes());
  RunOptions options;
  options.thread = static_cast<pid_t>(program.resume().value);
  ASSERT_TRUE(stopped(program.resume(options), StopKind::thread_exit));
  const Stop stop = program.resume(options);
  ASSERT_TRUE(stopped(stop, StopKind::thread_exit));
  EXPECT_TRUE(stop.has_ended);
  EXPECT_EQ(program->process().threads().size(), 1u);
  expect_end(program, 5);
}

TEST_P(Children, AProcessGoesOnWithoutItsFirstThread) {
  Program program(stops("first-ends"), wishes());
  ASSERT_TRUE(stopped(program.resume(), StopKind::clone));
  Stop stop = program.resume();
  ASSERT_TRUE(stopped(stop, StopKind::thread_exit));
  EXPECT_EQ(stop.thread, program.pid());
  ASSERT_TRUE(stopped(program.resume(), StopKind::assertion));
  const ScopedSnapshot saved = program.capture();
  ASSERT_TRUE(stopped(program.resume(), StopKind::exit, 6));
  program.restore(saved);
  expect_end(program, 6);
}

TEST_P(Children, WhenItsFirstThreadRanAloneToItsEndTheRestCanBeCaptured) {
  Program program(stops("first-ends"), wishes());
  ASSERT_TRUE(stopped(program.resume(), StopKind::clone));
  ASSERT_TRUE(stopped(program.resume(), StopKind::thread_exit));
  RunOptions options;
  options.thread = program.pid();
  ASSERT_TRUE(stopped(program.resume(options), StopKind::thread_exit));
  const ScopedSnapshot saved = program.capture();
  ASSERT_TRUE(stopped(program.resume(), StopKind::assertion));
  expect_end(program, 6);
}

TEST_P(Children, AForkIsReportedAndTheChildRunsOn) {
  Program program(stops("fork", "5"), wishes());
  const Stop stop = program.resume();
  ASSERT_TRUE(stopped(stop, StopKind::fork));
  const ScopedSnapshot saved = program.capture();
  ASSERT_TRUE(stopped(program.resume(), StopKind::signal, SIGCHLD));
  expect_end(program, 5);
}

TEST_P(Children, AVforkIsReportedAndTheChildRunsOn) {
  Program program(stops("vfork", "5"), wishes());
  ASSERT_TRUE(stopped(program.resume(), StopKind::fork));
  Snapshot snapshot;
  EXPECT_TRUE(refused(program->capture(&snapshot), Error::tracee));
  ASSERT_TRUE(stopped(program.resume(), StopKind::signal, SIGCHLD));
  const ScopedSnapshot saved = program.capture();
  expect_end(program, 5);
}

TEST_P(Children, AShellCommandRuns) {
  Program program(stops("system"), wishes());
  ASSERT_TRUE(stopped(program.resume(), StopKind::fork));
  ASSERT_TRUE(stopped(program.resume(), StopKind::signal, SIGCHLD));
  expect_end(program, 4);
}

TEST_P(Children, NoFilteredChildIsLeftBehindThatNobodyTraces) {
  pid_t child;
  {
    Program program(stops("fork-and-end"), wishes());
    const Stop stop = program.resume();
    ASSERT_TRUE(stopped(stop, StopKind::fork));
    child = static_cast<pid_t>(stop.value);
    expect_end(program, 0);
    // Without a filter it is nobody's: it runs on.
    if (!GetParam()) {
      EXPECT_EQ(tracer_of(child), 0);
      kill(child, SIGKILL);
    }
  }
  // It ends, and may wait for init as a zombie.
  char state = state_of(child);
  for (; state == 'R' || state == 'D'; state = state_of(child)) usleep(1000);
  EXPECT_TRUE(state == '\0' || state == 'Z' || state == 'X') << state;
}

}  // namespace
}  // namespace pagestore::test

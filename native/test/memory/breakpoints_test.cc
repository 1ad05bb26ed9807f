// A breakpoint in a live program.
#include <signal.h>
#include <sys/syscall.h>

#include "stops.h"

namespace pagestore::test {
namespace {

class Breakpoints : public WithAndWithoutFilter {};
INSTANTIATE_TEST_SUITE_P(, Breakpoints, testing::Bool(), filter_name);

TEST_P(Breakpoints, IsHitEachTimeAndSteppedOverInBetween) {
  Program program(stops("breakpoint"), wishes());
  Stop stop = program.resume();
  ASSERT_TRUE(stopped(stop, StopKind::assertion));
  RunOptions options;
  options.breakpoint = stop.text;
  const Bytes code = program.read(*options.breakpoint, 16);
  for (int i = 0; i < 5; ++i) {
    stop = program.resume(options);
    ASSERT_TRUE(stopped(stop, StopKind::breakpoint));
    EXPECT_EQ(stop.address, *options.breakpoint);
    EXPECT_EQ(program.registers().instruction_pointer(), options.breakpoint->value());
    EXPECT_EQ(program.read(*options.breakpoint, 16), code);
  }
  ASSERT_TRUE(stopped(program.resume(options), StopKind::exit, 5));
}

TEST_P(Breakpoints, ThatIsNotSetAgainIsNotHitAgain) {
  Program program(stops("breakpoint"), wishes());
  RunOptions options;
  options.breakpoint = program.resume().text;
  ASSERT_TRUE(stopped(program.resume(options), StopKind::breakpoint));
  expect_end(program, 5);
}

TEST_P(Breakpoints, MayBeOnASystemCallInstruction) {
  // Of the last call, all others being made by then.
  Program program(stops("calls"), wishes());
  ASSERT_TRUE(stopped(program.resume_to_call(SYS_getppid), StopKind::system_call));
  RunOptions options;
  options.system_calls.emplace().set(SYS_getppid);
  options.breakpoint = RemoteAddress(program.registers().instruction_pointer()) - Registers::kCall.size();
  int hits = 0, entries = 1;
  Stop stop;
  for (stop = program.resume(options); stop.kind != StopKind::exit; stop = program.resume(options)) {
    hits += stop.kind == StopKind::breakpoint;
    entries += stop.kind == StopKind::system_call && stop.is_entry;
  }
  EXPECT_EQ(hits, 5);
  EXPECT_EQ(entries, 3);
}

TEST_P(Breakpoints, OutsideOfTheMemoryIsRefused) {
  Program program(stops("breakpoint"), wishes());
  RunOptions options;
  options.breakpoint = RemoteAddress(0x1000);
  Stop stop;
  EXPECT_TRUE(refused(program->resume(options, &stop), Error::address));
  ASSERT_TRUE(stopped(program.resume(), StopKind::assertion));
}

TEST_P(Breakpoints, AreNotHitByAChild) {
  for (const char* what : {"breakpoint-fork", "breakpoint-vfork"}) {
    Program program(stops(what), wishes());
    RunOptions options;
    options.breakpoint = program.resume().text;
    ASSERT_TRUE(stopped(program.resume(options), StopKind::fork)) << what;
    Stop stop = program.resume();
    if (stop.kind == StopKind::signal && stop.value == SIGCHLD) stop = program.resume();
    EXPECT_TRUE(stopped(stop, StopKind::exit, what[11] == 'f' ? 8 : 9)) << what;
  }
}

TEST_P(Breakpoints, EndWithTheProgramAtItsExec) {
  Program program(stops("breakpoint-exec", test::program("calls")), wishes());
  RunOptions options;
  options.breakpoint = program.resume().text;
  ASSERT_TRUE(stopped(program.resume(options), StopKind::exec));
  // Another program, that has other code at this address.
  Program other({test::program("calls")}, wishes());
  const Bytes code = other.read(*options.breakpoint, 16);
  ASSERT_NE(Program(stops("exit"), wishes()).read(*options.breakpoint, 1)[0], code[0]);
  EXPECT_EQ(program.read(*options.breakpoint, 16), code);
}

TEST_P(Breakpoints, LeaveAnswersToTheChoiceBehindThem) {
  Program program(stops("breakpoint-choice"), wishes());
  RunOptions options;
  options.breakpoint = program.resume().text;
  for (int i = 0; i < 3; ++i) {
    if (i > 0) options.choose = 1;
    ASSERT_TRUE(stopped(program.resume(options), StopKind::breakpoint));
    options.choose.reset();
    ASSERT_TRUE(stopped(program.resume(options), StopKind::choice, 2));
  }
  ASSERT_TRUE(stopped(program.choose(1), StopKind::exit, 7));
}

}  // namespace
}  // namespace pagestore::test

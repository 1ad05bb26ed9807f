// System calls at which a filter stops a program because its owner asked for that: some are reported, before they are
// made, and from the others the program runs on.
#include <sys/syscall.h>

#include "stops.h"

namespace pagestore::test {
namespace {

class FurtherCalls : public WithAndWithoutFilter {
 protected:
  static Wishes wishes() {
    Wishes wishes = WithAndWithoutFilter::wishes();
    wishes.further_calls.set();
    return wishes;
  }
  static RunOptions before(int64_t call) {
    RunOptions options;
    options.system_calls.emplace().set(static_cast<size_t>(call));
    options.only_entries = true;
    return options;
  }
};
INSTANTIATE_TEST_SUITE_P(, FurtherCalls, testing::Bool(), filter_name);

TEST_P(FurtherCalls, RunOnWhereNobodyAsksForThem) {
  Program program(stops("calls"), wishes());
  ASSERT_TRUE(stopped(program.resume(), StopKind::exit, 0));
  Program choosing(stops("choice"), wishes());
  ASSERT_TRUE(stopped(choosing.resume(), StopKind::choice, 3));
  const ScopedSnapshot snapshot = choosing.capture();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(stopped(choosing.choose(0), StopKind::choice, 0));
    choosing.restore(snapshot);
  }
}

TEST_P(FurtherCalls, AreReportedBeforeTheyAreMadeAndNotAfterwards) {
  Program program(stops("calls"), wishes());
  for (int i = 0; i < 3; ++i) {
    const Stop stop = program.resume(before(SYS_getppid));
    ASSERT_TRUE(stopped(stop, StopKind::system_call, SYS_getppid));
    EXPECT_TRUE(stop.is_entry);
  }
  ASSERT_TRUE(stopped(program.resume(before(SYS_getppid)), StopKind::exit, 0));
}

TEST_P(FurtherCalls, AreReportedOnceThoughTheProgramIsRolledBackToThem) {
  Program program(stops("calls"), wishes());
  ASSERT_TRUE(stopped(program.resume(before(SYS_getppid)), StopKind::system_call, SYS_getppid));
  const ScopedSnapshot snapshot = program.capture();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(stopped(program.resume(before(SYS_getuid)), StopKind::system_call, SYS_getuid));
    program.restore(snapshot);
    // The call that it is before is the first of three.
    for (int left = 2; left > 0; --left) {
      ASSERT_TRUE(stopped(program.resume(before(SYS_getppid)), StopKind::system_call, SYS_getppid));
    }
    ASSERT_TRUE(stopped(program.resume(before(SYS_getppid)), StopKind::exit, 0));
    program.restore(snapshot);
  }
}

TEST_P(FurtherCalls, ComeOnceWhereAllCallsAreAskedFor) {
  Program program(stops("calls"), wishes());
  for (int i = 0; i < 3; ++i) {
    for (const bool is_entry : {true, false}) {
      const Stop stop = program.resume_to_call(SYS_getppid);
      ASSERT_TRUE(stopped(stop, StopKind::system_call, SYS_getppid));
      ASSERT_EQ(stop.is_entry, is_entry);
    }
  }
  ASSERT_TRUE(stopped(program.resume_to_call(SYS_getppid), StopKind::exit, 0));
}

TEST_P(FurtherCalls, AreNoTroubleInThreadsAndProcessesThatTheProgramStarts) {
  for (const char* what : {"thread", "fork", "vfork"}) {
    Program program(stops(what), wishes());
    Stop stop = program.resume();
    for (int i = 0; i < 20 && stop.kind != StopKind::exit; ++i) stop = program.resume();
    EXPECT_TRUE(stopped(stop, StopKind::exit)) << what;
  }
}

}  // namespace
}  // namespace pagestore::test

// What a live program stops for, and how it runs on.
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <chrono>
#include <thread>

#include "tracing.h"

namespace pagestore::test {
namespace {

std::vector<std::string> stops(const std::string& what, const std::string& value = "") {
  if (value.empty()) return {program("stops"), what};
  return {program("stops"), what, value};
}

std::string text_at(Program& program, RemoteAddress address) {
  const Bytes bytes = program.read(address, 64);
  return {reinterpret_cast<const char*>(bytes.data())};
}

// It ends with that code: at the entry, then in truth.
void expect_end(Program& program, int64_t code) {
  Stop stop = program.resume();
  EXPECT_TRUE(stopped(stop, StopKind::exit, code));
  EXPECT_FALSE(stop.has_ended);
  stop = program.resume();
  EXPECT_TRUE(stopped(stop, StopKind::exit, code));
  EXPECT_TRUE(stop.has_ended);
  EXPECT_TRUE(refused(program->resume({}, &stop), Error::process_gone));
}

// Each test runs with the filter, and with every call looked at instead.
class Stops : public testing::TestWithParam<bool> {
 protected:
  static Wishes wishes() {
    Wishes wishes;
    wishes.has_filter = GetParam();
    return wishes;
  }
};
INSTANTIATE_TEST_SUITE_P(, Stops, testing::Bool(),
                         [](const auto& info) { return info.param ? "filter" : "every_call"; });

TEST_P(Stops, AChoiceTellsItsWaysAndWaitsForOneOfThem) {
  Program program(stops("choice"), wishes());
  Stop stop = program.resume();
  ASSERT_TRUE(stopped(stop, StopKind::choice, 3));
  EXPECT_TRUE(text_at(program, stop.file).ends_with("stops.c"));
  EXPECT_GT(stop.line, 1u);
  Stop none;
  RunOptions options;
  EXPECT_TRUE(refused(program->resume(options, &none), Error::choice));
  options.choose = 3;
  EXPECT_TRUE(refused(program->resume(options, &none), Error::choice));
  stop = program.choose(1);
  ASSERT_TRUE(stopped(stop, StopKind::assertion));
  EXPECT_EQ(text_at(program, stop.text), "one");
  EXPECT_TRUE(text_at(program, stop.file).ends_with("stops.c"));
  EXPECT_TRUE(refused(program->resume(options, &none), Error::choice));
  ASSERT_TRUE(stopped(program.resume(), StopKind::choice, 0));
  options.choose = 0;
  EXPECT_TRUE(refused(program->resume(options, &none), Error::choice));
}

TEST_P(Stops, ACallIsToldBeforeAndBehindIt) {
  Program program(stops("calls"), wishes());
  for (int i = 0; i < 3; ++i) {
    for (const bool is_entry : {true, false}) {
      const Stop stop = program.resume_to_call(SYS_getppid);
      ASSERT_TRUE(stopped(stop, StopKind::system_call, SYS_getppid));
      ASSERT_EQ(stop.is_entry, is_entry);
    }
    EXPECT_EQ(program.registers().result(), getpid());
  }
  ASSERT_TRUE(stopped(program.resume_to_call(SYS_getppid), StopKind::exit, 0));
}

TEST_P(Stops, AllCallsThatAreAskedForAreToldInOrder) {
  Program program(stops("calls"), wishes());
  RunOptions options;
  options.system_calls.emplace().set();
  std::vector<int64_t> entered;
  Stop stop = program.resume(options);
  for (; stop.kind == StopKind::system_call; stop = program.resume(options)) {
    if (stop.is_entry) entered.push_back(stop.value);
  }
  ASSERT_TRUE(stopped(stop, StopKind::exit, 0));
  std::erase_if(entered, [](int64_t call) { return call != SYS_getppid && call != SYS_getuid; });
  EXPECT_EQ(entered, (std::vector<int64_t>{SYS_getppid, SYS_getuid, SYS_getppid, SYS_getuid, SYS_getppid, SYS_getuid}));
}

TEST_P(Stops, ACallThatStandsAtItsEntryIsMadeWhenOthersAreAskedFor) {
  Program program(stops("calls"), wishes());
  ASSERT_TRUE(stopped(program.resume_to_call(SYS_getppid), StopKind::system_call, SYS_getppid));
  const Stop stop = program.resume_to_call(SYS_getuid);
  ASSERT_TRUE(stopped(stop, StopKind::system_call, SYS_getuid));
  EXPECT_TRUE(stop.is_entry);
}

TEST_P(Stops, ASignalIsDeliveredSuppressedOrReplaced) {
  for (const auto& [signal, code] :
       {std::pair{SignalAnswer{}, 3}, {SignalAnswer::suppress(), 2}, {SignalAnswer::replace(SIGUSR2), 12}}) {
    Program program(stops("signals"), wishes());
    ASSERT_TRUE(stopped(program.resume(), StopKind::assertion));
    ASSERT_TRUE(stopped(program.resume(), StopKind::signal, SIGUSR1));
    RunOptions options;
    options.signal = signal;
    ASSERT_TRUE(stopped(program.resume(options), StopKind::signal, SIGUSR1));
    ASSERT_TRUE(stopped(program.resume(), StopKind::signal, SIGUSR1));
    expect_end(program, code);
  }
}

TEST_P(Stops, ASignalMayBeGivenAtAnyStop) {
  Program program(stops("signals"), wishes());
  ASSERT_TRUE(stopped(program.resume(), StopKind::assertion));
  RunOptions options;
  options.signal = SignalAnswer::replace(SIGUSR2);
  const auto again = [&](int64_t code) {
    ASSERT_TRUE(stopped(program.resume(options), StopKind::signal, SIGUSR1));
    for (int i = 0; i < 2; ++i) ASSERT_TRUE(stopped(program.resume(), StopKind::signal, SIGUSR1));
    ASSERT_TRUE(stopped(program.resume(), StopKind::exit, code));
  };
  const Held held = program.capture();
  again(13);
  program.restore(held);
  again(13);
  // At the entry of a call it comes first.
  program.restore(held);
  const Stop stop = program.resume_to_call(SYS_tgkill);
  ASSERT_TRUE(stopped(stop, StopKind::system_call));
  ASSERT_TRUE(stop.is_entry);
  again(13);
  // Only to the call's end, with the call's result.
  program.restore(held);
  program.resume_to_call(SYS_tgkill);
  ASSERT_FALSE(program.resume_to_call(SYS_tgkill).is_entry);
  ASSERT_TRUE(stopped(program.resume(options), StopKind::signal, SIGUSR1));
}

TEST_P(Stops, ABreakpointIsHitEachTimeAndRunOverInBetween) {
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

TEST_P(Stops, ABreakpointWithoutAnotherIsRunOver) {
  Program program(stops("breakpoint"), wishes());
  RunOptions options;
  options.breakpoint = program.resume().text;
  ASSERT_TRUE(stopped(program.resume(options), StopKind::breakpoint));
  expect_end(program, 5);
}

TEST_P(Stops, ABreakpointMayStandOnACallInstruction) {
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

TEST_P(Stops, ABreakpointOutsideOfTheMemoryIsRefused) {
  Program program(stops("breakpoint"), wishes());
  RunOptions options;
  options.breakpoint = RemoteAddress(0x1000);
  Stop stop;
  EXPECT_TRUE(refused(program->resume(options, &stop), Error::address));
  ASSERT_TRUE(stopped(program.resume(), StopKind::assertion));
}

TEST_P(Stops, AChildDoesNotRunIntoABreakpointOfItsParent) {
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

TEST_P(Stops, ABreakpointDoesNotGoWithAProgramIntoTheNext) {
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

TEST_P(Stops, AnswersGoToTheChoiceAlsoFromABreakpointBefore) {
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

TEST_P(Stops, AnExecIsToldAndTheNextProgramRuns) {
  Program program(stops("exec", "7"), wishes());
  ASSERT_TRUE(stopped(program.resume(), StopKind::exec));
  const Held held = program.capture();
  expect_end(program, 7);
}

TEST_P(Stops, AnExecAmongThreadsEndsThem) {
  Program program(stops("thread-exec", "6"), wishes());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(stopped(program.resume(), StopKind::clone));
  EXPECT_EQ(program->process().threads().size(), 4u);
  ASSERT_TRUE(stopped(program.resume(), StopKind::exec));
  EXPECT_EQ(program->process().threads().size(), 1u);
  expect_end(program, 6);
}

TEST_P(Stops, AThreadIsToldAtItsStartAndItsEnd) {
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

TEST_P(Stops, AThreadThatAloneIsLetGoToItsEndHasEnded) {
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

TEST_P(Stops, AProcessGoesOnWithoutItsFirstThread) {
  Program program(stops("first-ends"), wishes());
  ASSERT_TRUE(stopped(program.resume(), StopKind::clone));
  Stop stop = program.resume();
  ASSERT_TRUE(stopped(stop, StopKind::thread_exit));
  EXPECT_EQ(stop.thread, program.pid());
  ASSERT_TRUE(stopped(program.resume(), StopKind::assertion));
  const Held held = program.capture();
  ASSERT_TRUE(stopped(program.resume(), StopKind::exit, 6));
  program.restore(held);
  expect_end(program, 6);
}

TEST_P(Stops, WhenOnlyItsFirstThreadIsLetGoToItsEndTheRestCanBeCaptured) {
  Program program(stops("first-ends"), wishes());
  ASSERT_TRUE(stopped(program.resume(), StopKind::clone));
  ASSERT_TRUE(stopped(program.resume(), StopKind::thread_exit));
  RunOptions options;
  options.thread = program.pid();
  ASSERT_TRUE(stopped(program.resume(options), StopKind::thread_exit));
  const Held held = program.capture();
  ASSERT_TRUE(stopped(program.resume(), StopKind::assertion));
  expect_end(program, 6);
}

TEST_P(Stops, AForkIsToldAndTheChildLivesOn) {
  Program program(stops("fork", "5"), wishes());
  const Stop stop = program.resume();
  ASSERT_TRUE(stopped(stop, StopKind::fork));
  const Held held = program.capture();
  ASSERT_TRUE(stopped(program.resume(), StopKind::signal, SIGCHLD));
  expect_end(program, 5);
}

TEST_P(Stops, AVforkIsToldAndTheChildLivesOn) {
  Program program(stops("vfork", "5"), wishes());
  ASSERT_TRUE(stopped(program.resume(), StopKind::fork));
  Snapshot snapshot;
  EXPECT_TRUE(refused(program->capture(&snapshot), Error::tracee));
  ASSERT_TRUE(stopped(program.resume(), StopKind::signal, SIGCHLD));
  const Held held = program.capture();
  expect_end(program, 5);
}

TEST_P(Stops, AShellCommandRuns) {
  Program program(stops("system"), wishes());
  ASSERT_TRUE(stopped(program.resume(), StopKind::fork));
  ASSERT_TRUE(stopped(program.resume(), StopKind::signal, SIGCHLD));
  expect_end(program, 4);
}

TEST_P(Stops, NoChildIsLeftBehindThatNobodyTraces) {
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
  // A zombie may wait for init.
  while (state_of(child) == 'R') usleep(1000);
  const char state = state_of(child);
  EXPECT_TRUE(state == '\0' || state == 'Z' || state == 'X') << state;
}

TEST_P(Stops, AProgramThatSpinsIsInterrupted) {
  Program program(stops("spin"), wishes());
  for (const int64_t time : {0, 1, 5, 120}) {
    const auto begin = std::chrono::steady_clock::now();
    ASSERT_TRUE(stopped(program.run_for(time), StopKind::timeout));
    EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(time));
  }
}

TEST_P(Stops, WhoeverIsAskedMayBreakOff) {
  Program program(stops("spin"), wishes());
  RunOptions options;
  int asked = 0;
  options.context = &asked;
  options.may_go_on = [](void* times) { return ++*static_cast<int*>(times) < 3; };
  ASSERT_TRUE(stopped(program.resume(options), StopKind::timeout));
  EXPECT_EQ(asked, 3);
}

TEST_P(Stops, AnExitCanBeUndoneOverAndOver) {
  Program program(stops("choice"), wishes());
  ASSERT_TRUE(stopped(program.resume(), StopKind::choice, 3));
  const Held held = program.capture();
  Program other(stops("exit", "2"), wishes());
  const Held start = other.capture();
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(stopped(other.resume(), StopKind::exit, 2));
    other.restore(start);
  }
  ASSERT_TRUE(stopped(other.resume(), StopKind::exit, 2));
  const Held end = other.capture();
  other.restore(start);
  other.restore(end);
  const Stop stop = other.resume();
  ASSERT_TRUE(stopped(stop, StopKind::exit, 2));
  EXPECT_TRUE(stop.has_ended);
}

TEST_P(Stops, ASignalThatKillsIsToldBeforeAndThenTheEnd) {
  Program program(stops("abort"), wishes());
  ASSERT_TRUE(stopped(program.resume(), StopKind::signal, SIGABRT));
  const Stop stop = program.resume();
  ASSERT_TRUE(stopped(stop, StopKind::killed, SIGABRT));
  EXPECT_TRUE(stop.has_ended);
}

TEST_P(Stops, AFaultTellsItsAddress) {
  Program program(stops("fault"), wishes());
  program.resume();
  const Stop stop = program.resume();
  ASSERT_TRUE(stopped(stop, StopKind::signal, SIGSEGV));
  EXPECT_TRUE(stop.has_address);
  EXPECT_EQ(stop.address, RemoteAddress(0x1230));
  ASSERT_TRUE(stopped(program.resume(), StopKind::killed, SIGSEGV));
}

TEST_P(Stops, AKillFromOutsideIsToldWhetherItStandsOrRuns) {
  for (const char* what : {"spin", "threads-spin"}) {
    Program standing(stops(what), wishes());
    kill(standing.pid(), SIGKILL);
    ASSERT_TRUE(stopped(standing.resume(), StopKind::killed, SIGKILL));
    Program running(stops(what), wishes());
    std::thread killer([pid = running.pid()] {
      usleep(20'000);
      kill(pid, SIGKILL);
    });
    Stop stop;
    for (stop = running.resume(); !stop.has_ended || stop.kind == StopKind::thread_exit; stop = running.resume()) {
    }
    killer.join();
    ASSERT_TRUE(stopped(stop, StopKind::killed, SIGKILL));
  }
}

TEST_P(Stops, AJobControlStopLastsUntilItIsEnded) {
  Program program(stops("stop"), wishes());
  ASSERT_TRUE(stopped(program.resume(), StopKind::signal, SIGSTOP));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(stopped(program.run_for(30), StopKind::timeout));
  const Held held = program.capture();
  program.restore(held);
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(stopped(program.run_for(30), StopKind::timeout));
  kill(program.pid(), SIGCONT);
  ASSERT_TRUE(stopped(program.resume(), StopKind::signal, SIGCONT));
  expect_end(program, 3);
}

}  // namespace
}  // namespace pagestore::test

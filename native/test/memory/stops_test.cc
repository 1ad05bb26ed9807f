// What a live program stops for, and how it runs on: choices, system calls, signals, interruptions, its end.
#include <signal.h>
#include <sys/syscall.h>

#include <chrono>
#include <thread>

#include "stops.h"

namespace pagestore::test {
namespace {

class Stops : public WithAndWithoutFilter {};
INSTANTIATE_TEST_SUITE_P(, Stops, testing::Bool(), filter_name);

TEST_P(Stops, AChoiceHasAlternativesAndWaitsForOneOfThem) {
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

TEST_P(Stops, ASystemCallIsReportedOnEntryAndOnExit) {
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

TEST_P(Stops, AllSystemCallsThatAreAskedForAreReportedInOrder) {
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

TEST_P(Stops, ASystemCallStoppedOnEntryIsMadeWhenOthersAreAskedFor) {
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

TEST_P(Stops, ASignalMayBeDeliveredAtAnyStop) {
  Program program(stops("signals"), wishes());
  ASSERT_TRUE(stopped(program.resume(), StopKind::assertion));
  RunOptions options;
  options.signal = SignalAnswer::replace(SIGUSR2);
  const auto again = [&](int64_t code) {
    ASSERT_TRUE(stopped(program.resume(options), StopKind::signal, SIGUSR1));
    for (int i = 0; i < 2; ++i) ASSERT_TRUE(stopped(program.resume(), StopKind::signal, SIGUSR1));
    ASSERT_TRUE(stopped(program.resume(), StopKind::exit, code));
  };
  const ScopedSnapshot saved = program.capture();
  again(13);
  program.restore(saved);
  again(13);
  // At the entry of a call it comes first.
  program.restore(saved);
  const Stop stop = program.resume_to_call(SYS_tgkill);
  ASSERT_TRUE(stopped(stop, StopKind::system_call));
  ASSERT_TRUE(stop.is_entry);
  again(13);
  // Only to the call's end, with the call's result.
  program.restore(saved);
  program.resume_to_call(SYS_tgkill);
  ASSERT_FALSE(program.resume_to_call(SYS_tgkill).is_entry);
  ASSERT_TRUE(stopped(program.resume(options), StopKind::signal, SIGUSR1));
}

TEST_P(Stops, AProgramThatSpinsIsInterrupted) {
  Program program(stops("spin"), wishes());
  for (const int64_t time : {0, 1, 5, 120}) {
    const auto begin = std::chrono::steady_clock::now();
    ASSERT_TRUE(stopped(program.run_for(time), StopKind::timeout));
    EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(time));
  }
}

TEST_P(Stops, MayGoOnEndsARunWithFalse) {
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
  const ScopedSnapshot saved = program.capture();
  Program other(stops("exit", "2"), wishes());
  const ScopedSnapshot start = other.capture();
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(stopped(other.resume(), StopKind::exit, 2));
    other.restore(start);
  }
  ASSERT_TRUE(stopped(other.resume(), StopKind::exit, 2));
  const ScopedSnapshot end = other.capture();
  other.restore(start);
  other.restore(end);
  const Stop stop = other.resume();
  ASSERT_TRUE(stopped(stop, StopKind::exit, 2));
  EXPECT_TRUE(stop.has_ended);
}

TEST_P(Stops, ASignalThatKillsIsReportedAndThenTheEnd) {
  Program program(stops("abort"), wishes());
  ASSERT_TRUE(stopped(program.resume(), StopKind::signal, SIGABRT));
  const Stop stop = program.resume();
  ASSERT_TRUE(stopped(stop, StopKind::killed, SIGABRT));
  EXPECT_TRUE(stop.has_ended);
}

TEST_P(Stops, AFaultHasAnAddress) {
  Program program(stops("fault"), wishes());
  program.resume();
  const Stop stop = program.resume();
  ASSERT_TRUE(stopped(stop, StopKind::signal, SIGSEGV));
  EXPECT_TRUE(stop.has_address);
  EXPECT_EQ(stop.address, RemoteAddress(0x1230));
  ASSERT_TRUE(stopped(program.resume(), StopKind::killed, SIGSEGV));
}

TEST_P(Stops, AKillFromOutsideIsReportedWhetherItIsStoppedOrRuns) {
  for (const char* what : {"spin", "threads-spin"}) {
    Program stopped_one(stops(what), wishes());
    kill(stopped_one.pid(), SIGKILL);
    ASSERT_TRUE(stopped(stopped_one.resume(), StopKind::killed, SIGKILL));
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

TEST_P(Stops, AGroupStopLastsUntilItIsEnded) {
  Program program(stops("stop"), wishes());
  ASSERT_TRUE(stopped(program.resume(), StopKind::signal, SIGSTOP));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(stopped(program.run_for(30), StopKind::timeout));
  const ScopedSnapshot saved = program.capture();
  program.restore(saved);
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(stopped(program.run_for(30), StopKind::timeout));
  kill(program.pid(), SIGCONT);
  ASSERT_TRUE(stopped(program.resume(), StopKind::signal, SIGCONT));
  expect_end(program, 3);
}

}  // namespace
}  // namespace pagestore::test

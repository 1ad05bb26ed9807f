// Programs with several threads: all are captured and rolled back, and only those run that are chosen.
#include <array>
#include <set>

#include "tracing.h"

namespace pagestore::test {
namespace {

using Counts = std::array<uint64_t, 4>;

class TracedThreads : public testing::TestWithParam<bool> {
 protected:
  static Wishes wishes() {
    Wishes wishes;
    wishes.has_filter = GetParam();
    return wishes;
  }

  // Started, with all of its threads; `counters_` is the address at which they count.
  std::unique_ptr<Program> start(const std::string& what) {
    auto program = std::make_unique<Program>(std::vector{test::program("threads"), what}, wishes());
    for (;;) {
      const Stop stop = program->resume();
      if (stop.kind == StopKind::clone) threads_.push_back(static_cast<pid_t>(stop.value));
      if (stop.kind == StopKind::assertion) counters_ = stop.text.value();
      if (counters_ != 0 && threads_.size() == 3) return program;
    }
  }

  Counts counts(Program& program) const {
    Counts counts;
    EXPECT_TRUE(ok(program->read(counters_, std::as_writable_bytes(std::span(counts)))));
    return counts;
  }
  static Stop run(Program& program, pid_t thread, std::optional<int64_t> milliseconds,
                  std::optional<int64_t> choose = {}) {
    RunOptions options;
    options.thread = thread;
    options.timeout = milliseconds;
    options.choose = choose;
    return program.resume(options);
  }

  std::vector<pid_t> threads_;
  uint64_t counters_ = 0;
};
INSTANTIATE_TEST_SUITE_P(, TracedThreads, testing::Bool(),
                         [](const auto& info) { return info.param ? "filter" : "every_call"; });

TEST_P(TracedThreads, AreAllRolledBack) {
  const auto program = start("count");
  ASSERT_TRUE(stopped(program->run_for(20), StopKind::timeout));
  const ScopedSnapshot first = program->capture();
  const Truth then = truth_of(*program);
  EXPECT_EQ(then.registers.size(), 4u);
  for (int i = 0; i < 30; ++i) {
    const Counts before = counts(*program);
    // However long it takes on a busy machine until one of them has had its turn.
    do {
      ASSERT_TRUE(stopped(program->run_for(3), StopKind::timeout));
    } while (counts(*program) == before);
    program->restore(first);
    ASSERT_TRUE(same(truth_of(*program), then));
    ASSERT_TRUE(equal(*program->capture(), *first));
  }
}

TEST_P(TracedThreads, RunAloneWhenOnlyOneIsChosen) {
  const auto program = start("count");
  program->run_for(20);
  for (size_t i = 0; i < 3; ++i) {
    const Counts before = counts(*program);
    Counts after = before;
    // However long it takes on a busy machine until it has had its turn.
    while (after[i + 1] == before[i + 1]) {
      const Stop stop = run(*program, threads_[i], 10);
      ASSERT_TRUE(stopped(stop, StopKind::timeout));
      EXPECT_EQ(stop.thread, threads_[i]);
      after = counts(*program);
    }
    after[i + 1] = before[i + 1];
    EXPECT_EQ(after, before);
  }
}

TEST_P(TracedThreads, ThatDoNotExistCannotBeChosen) {
  const auto program = start("count");
  RunOptions options;
  Stop stop;
  options.thread = 1;
  EXPECT_TRUE(refused(program->operator->()->resume(options, &stop), Error::thread));
  Registers registers;
  EXPECT_TRUE(refused((*program)->registers(1, &registers), Error::thread));
  EXPECT_TRUE(refused((*program)->set_registers(getpid(), registers), Error::thread));
}

TEST_P(TracedThreads, WaitAtTheirChoicesUntilTheyAreAnswered) {
  auto program = std::make_unique<Program>(std::vector{test::program("threads"), std::string("choose")}, wishes());
  std::set<pid_t> waiting;
  uint64_t counters = 0;
  while (waiting.size() < 4) {
    // Each thread runs to its choice alone.
    Stop stop;
    std::vector<pid_t> all;
    for (const TracedThread* thread : (*program)->process().threads()) all.push_back(thread->id());
    for (const pid_t thread : all) {
      if (waiting.contains(thread)) continue;
      stop = run(*program, thread, 1000);
      if (stop.kind == StopKind::assertion) counters = stop.text.value();
      if (stop.kind == StopKind::choice) waiting.insert(stop.thread);
    }
  }
  counters_ = counters;
  const ScopedSnapshot saved = program->capture();
  const std::vector<pid_t> order(waiting.begin(), waiting.end());
  for (int round = 0; round < 20; ++round) {
    for (size_t i = 0; i < order.size(); ++i) {
      const Stop stop = run(*program, order[(i + static_cast<size_t>(round)) % 4], {}, static_cast<int64_t>(i + 1));
      ASSERT_TRUE(stopped(stop, StopKind::choice, 10));
    }
    Counts after = counts(*program);
    std::sort(after.begin(), after.end());
    EXPECT_EQ(after, (Counts{1, 2, 3, 4}));
    program->restore(saved);
    EXPECT_EQ(counts(*program), (Counts{}));
  }
}

TEST_P(TracedThreads, StartedOrEndedSinceAreNamed) {
  Program program({test::program("threads"), "more"}, wishes());
  ASSERT_TRUE(stopped(program.resume(), StopKind::assertion));
  const ScopedSnapshot one = program.capture();
  Stop stop = program.resume();
  ASSERT_TRUE(stopped(stop, StopKind::clone));
  const auto thread = static_cast<uint64_t>(stop.value);
  while (stop.kind != StopKind::assertion) stop = program.resume();
  Status status = program->restore(*one);
  EXPECT_TRUE(refused(status, Error::threads));
  EXPECT_EQ(status.value(), thread);
  EXPECT_STREQ(status.what(), "was started");
  const ScopedSnapshot two = program.capture();
  stop = program.resume();
  ASSERT_TRUE(stopped(stop, StopKind::thread_exit));
  // Before its end it can still be undone.
  program.restore(two);
  ASSERT_TRUE(stopped(program.resume(), StopKind::thread_exit));
  ASSERT_TRUE(stopped(program.resume(), StopKind::assertion));
  status = program->restore(*two);
  EXPECT_TRUE(refused(status, Error::threads));
  EXPECT_EQ(status.value(), thread);
  EXPECT_STREQ(status.what(), "has ended");
  // What was refused has changed nothing.
  program.restore(one);
  ASSERT_TRUE(stopped(program.resume(), StopKind::clone));
}

}  // namespace
}  // namespace pagestore::test

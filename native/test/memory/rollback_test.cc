// A rollback restores all that a snapshot is: memory, registers of every kind, blocked signals, and what the program
// had stopped for.
#include <signal.h>
#include <sys/syscall.h>

#include <random>

#include "tracing.h"

namespace pagestore::test {
namespace {

class Rollback : public testing::TestWithParam<bool> {
 protected:
  static Wishes wishes() {
    Wishes wishes;
    wishes.has_filter = GetParam();
    return wishes;
  }
  static std::vector<std::string> state(const std::string& what) { return {program("state"), what}; }
};
INSTANTIATE_TEST_SUITE_P(, Rollback, testing::Bool(),
                         [](const auto& info) { return info.param ? "filter" : "every_call"; });

TEST_P(Rollback, GivesBackFloatingPointAndVectorRegisters) {
  Program program(state("registers"), wishes());
  struct At {
    ScopedSnapshot saved;
    Registers registers;
    uint64_t sum;
  };
  std::vector<At> all;
  for (int i = 0; i < 12; ++i) {
    Stop stop = program.resume_to_call(SYS_getppid);
    if (i % 2 == 1) stop = program.resume_to_call(SYS_getppid);  // behind it
    ASSERT_TRUE(stopped(stop, StopKind::system_call, SYS_getppid));
    ScopedSnapshot saved = program.capture();
    const Registers registers = program.registers();
    stop = program.resume();
    ASSERT_TRUE(stopped(stop, StopKind::assertion));
    all.push_back({std::move(saved), registers, stop.text.value()});
  }
  std::mt19937_64 random(7);
  for (int i = 0; i < 200; ++i) {
    const At& at = all[random() % all.size()];
    program.restore(at.saved);
    if (random() % 2 == 0) {
      ASSERT_TRUE(equal(*program.capture(), *at.saved));
    }
    EXPECT_EQ(program.registers().stack(), at.registers.stack());
    const Stop stop = program.resume();
    ASSERT_TRUE(stopped(stop, StopKind::assertion));
    ASSERT_EQ(stop.text.value(), at.sum);
  }
}

TEST_P(Rollback, GivesBackBlockedSignals) {
  Program program(state("mask"), wishes());
  std::vector<std::pair<ScopedSnapshot, uint64_t>> all;
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(stopped(program.resume(), StopKind::choice, 1));
    ScopedSnapshot saved = program.capture();
    const Stop stop = program.choose(0);
    ASSERT_TRUE(stopped(stop, StopKind::assertion));
    all.emplace_back(std::move(saved), stop.text.value());
  }
  EXPECT_NE(all[2].second, all[3].second);
  for (int i = 0; i < 40; ++i) {
    const auto& [saved, mask] = all[static_cast<size_t>(i * 5) % all.size()];
    program.restore(saved);
    const Stop stop = program.choose(0);
    ASSERT_TRUE(stopped(stop, StopKind::assertion));
    ASSERT_EQ(stop.text.value(), mask);
  }
}

TEST_P(Rollback, PutsAFaultBeforeItsHandlerAgain) {
  Program program(state("faults"), wishes());
  const ScopedSnapshot begin = program.capture();
  std::vector<ScopedSnapshot> before;
  std::vector<Stop> stops;
  for (int i = 0; i < 3; ++i) {
    stops.push_back(program.resume());
    ASSERT_TRUE(stopped(stops.back(), StopKind::signal, SIGSEGV));
    before.push_back(program.capture());
    ASSERT_TRUE(equal(*program.capture(), *before.back()));
    ASSERT_EQ(program.resume().text, stops.back().address);
  }
  for (int i = 0; i < 30; ++i) {
    const auto at = static_cast<size_t>(i * 2 % 3);
    // From the fault itself, from behind it, from another fault.
    if (i % 3 == 1) {
      ASSERT_TRUE(stopped(program.resume(), StopKind::signal, SIGSEGV));
    } else if (i % 3 == 2) {
      program.restore(before[(at + 1) % 3]);
    }
    program.restore(before[at]);
    ASSERT_TRUE(equal(*program.capture(), *before[at]));
    if (i % 2 == 0) program.restore(before[at]);
    ASSERT_EQ(program.resume().text, stops[at].address);
  }
  // Suppressed, the instruction faults again.
  program.restore(before[1]);
  RunOptions options;
  options.signal = SignalAnswer::suppress();
  const Stop stop = program.resume(options);
  ASSERT_TRUE(stopped(stop, StopKind::signal, SIGSEGV));
  EXPECT_EQ(stop.address, stops[1].address);
  program.restore(begin);
  EXPECT_EQ(program.resume().address, stops[0].address);
}

TEST_P(Rollback, BringsAProgramBackFromAFatalSignal) {
  Program program({test::program("stops"), "abort"}, wishes());
  const ScopedSnapshot begin = program.capture();
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(stopped(program.resume(), StopKind::signal, SIGABRT));
    const ScopedSnapshot end = program.capture();
    program.restore(begin);
    program.restore(end);
    program.restore(begin);
  }
}

TEST_P(Rollback, GoesThousandsOfTimesToWhereTheSamePathGivesTheSame) {
  Program program(state("sum"), wishes());
  ASSERT_TRUE(stopped(program.resume(), StopKind::choice, 3));
  const ScopedSnapshot root = program.capture();
  const auto run = [&](uint64_t path) {
    for (int i = 0; i < 4; ++i, path /= 3) program.choose(static_cast<int64_t>(path % 3));
    const Stop stop = program.choose(static_cast<int64_t>(path % 3));
    EXPECT_TRUE(stopped(stop, StopKind::assertion));
    const Bytes text = program.read(stop.text, 40);
    return std::string(reinterpret_cast<const char*>(text.data()));
  };
  std::vector<std::string> sums;
  for (uint64_t path = 0; path < 243; ++path) {
    sums.push_back(run(path));
    program.restore(root);
  }
  EXPECT_NE(sums[0], sums[1]);
  const int rounds = kSanitized || !GetParam() ? 300 : 3000;
  for (int i = 0; i < rounds; ++i) {
    const auto path = static_cast<size_t>(i) * 89 % sums.size();
    ASSERT_EQ(run(path), sums[path]);
    program.restore(root);
    if (i % 100 == 0) {
      ASSERT_TRUE(equal(*program.capture(), *root));
    }
  }
}

TEST_P(Rollback, TakesBackWhatWasWrittenFromOutside) {
  Program program(state("sum"), wishes());
  ASSERT_TRUE(stopped(program.resume(), StopKind::choice, 3));
  const ScopedSnapshot saved = program.capture();
  const Truth truth = truth_of(program);
  for (const Mapped& mapped : truth.mappings) {
    // Also where the program itself may not.
    ASSERT_TRUE(ok(program->write(mapped.start + 5, page_of(3)))) << mapped.kind;
  }
  Registers registers = program.registers();
  registers.instruction_pointer() += 0x10;
  registers.set_result(77);
  ASSERT_TRUE(ok(program->set_registers({}, registers)));
  const ScopedSnapshot other = program.capture();
  EXPECT_FALSE(equal(*saved, *other));
  const Truth written = truth_of(program);
  program.restore(saved);
  ASSERT_TRUE(same(truth_of(program), truth));
  program.restore(other);
  ASSERT_TRUE(same(truth_of(program), written));
  program.restore(saved);
  EXPECT_TRUE(stopped(program.choose(1), StopKind::choice, 3));
}

TEST_P(Rollback, IsRefusedAcrossAnExec) {
  Program program({test::program("stops"), "exec", "3"}, wishes());
  const ScopedSnapshot saved = program.capture();
  ASSERT_TRUE(stopped(program.resume(), StopKind::exec));
  EXPECT_TRUE(refused(program->restore(*saved), Error::process_gone));
  const ScopedSnapshot next = program.capture();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(stopped(program.resume(), StopKind::exit, 3));
    program.restore(next);
  }
}

TEST_P(Rollback, OfTwoSpawnsOfOneProgramHaveOneFingerprint) {
  Wishes wishes = this->wishes();
  wishes.environment = {"A=1"};
  std::vector<Fingerprint> prints[2];
  for (auto& each : prints) {
    Program program(state("sum"), wishes);
    for (int i = 0; i < 4; ++i) {
      each.push_back(program.fingerprint(program.capture()));
      i == 0 ? program.resume() : program.choose(i % 3);
    }
  }
  EXPECT_EQ(prints[0], prints[1]);
  EXPECT_FALSE(prints[0][1] == prints[0][2]);
}

}  // namespace
}  // namespace pagestore::test

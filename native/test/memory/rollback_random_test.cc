// Whatever a program does to its memory and its mappings, at random and for long, a rollback undoes all of it.
#include <fcntl.h>

#include <cstdlib>
#include <fstream>
#include <random>

#include "memory/tracker.h"
#include "tracing.h"

namespace pagestore::test {
namespace {

struct Variant {
  const char* name;
  TrackerKind tracker;
  bool has_filter;
};

class RandomChanges : public testing::TestWithParam<Variant> {
 protected:
  void SetUp() override {
    if (GetParam().tracker == TrackerKind::write_protect && !Tracker::is_supported(TrackerKind::write_protect)) {
      GTEST_SKIP() << "this kernel has no write_protect";
    }
    std::ofstream file(path_);
    for (int i = 0; i < 6000; ++i) file << i << '\n';
  }
  void TearDown() override { unlink(path_.c_str()); }

  Wishes wishes() const {
    Wishes wishes;
    wishes.tracker = GetParam().tracker;
    wishes.has_filter = GetParam().has_filter;
    return wishes;
  }

  const std::string path_ = testing::TempDir() + "/pagestore-changes-" + std::to_string(getpid());
};
INSTANTIATE_TEST_SUITE_P(, RandomChanges,
                         testing::Values(Variant{"write_protect", TrackerKind::write_protect, true},
                                         Variant{"every_call", TrackerKind::write_protect, false},
                                         Variant{"no_tracker", TrackerKind::none, true}),
                         [](const auto& info) { return info.param.name; });

// Stores and thread table agree with themselves, whatever was done.
testing::AssertionResult is_valid(Program& program) {
  const LockedStores stores(*program.store());
  if (!stores->pages.is_valid()) return testing::AssertionFailure() << "the store of pages";
  if (!stores->tables.is_valid()) return testing::AssertionFailure() << "the store of tables";
  if (!stores->keys.is_valid()) return testing::AssertionFailure() << "the store of keys";
  if (!program->process().thread_table().is_valid()) return testing::AssertionFailure() << "the thread table";
  return testing::AssertionSuccess();
}

TEST_P(RandomChanges, AreUndoneInFull) {
  const char* wanted_seed = getenv("PAGESTORE_TEST_SEED");
  const uint64_t seed = wanted_seed != nullptr ? strtoull(wanted_seed, nullptr, 0) : std::random_device{}();
  SCOPED_TRACE("PAGESTORE_TEST_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  constexpr size_t kMost = 8;
  const int rounds = kSanitized ? 500 : GetParam().has_filter && GetParam().tracker != TrackerKind::none ? 2500 : 1000;

  Program program({test::program("changes"), path_}, wishes());
  ASSERT_TRUE(stopped(program.resume(), StopKind::choice));
  struct Recorded {
    ScopedSnapshot saved;
    Truth truth;
  };
  std::vector<Recorded> recorded;
  for (int round = 0; round < rounds; ++round) {
    const auto command = static_cast<int64_t>(random() % (1 << 24));
    ASSERT_TRUE(stopped(program.choose(command), StopKind::choice)) << "round " << round;
    if (recorded.empty() || random() % 3 == 0) {
      Recorded now{program.capture(), truth_of(program)};
      if (recorded.size() < kMost) {
        recorded.push_back(std::move(now));
      } else {
        recorded[random() % kMost] = std::move(now);
      }
    }
    ASSERT_TRUE(is_valid(program)) << "round " << round;
    if (random() % 3 != 0) continue;
    const Recorded& then = recorded[random() % recorded.size()];
    program.restore(then.saved);
    const Truth now = truth_of(program);
    ASSERT_TRUE(same(now, then.truth)) << "round " << round;
    ASSERT_TRUE(is_valid(program)) << "round " << round;
    // A snapshot of it is the same one.
    if (random() % 4 == 0) {
      ASSERT_TRUE(equal(*program.capture(), *then.saved)) << "round " << round;
    }
  }
}

}  // namespace
}  // namespace pagestore::test

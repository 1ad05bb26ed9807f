// Which states of a live program have one key.
#include "tracing.h"

namespace pagestore::test {
namespace {

class Keys : public testing::Test {
 protected:
  std::unique_ptr<Program> start(const std::string& what) {
    auto program = std::make_unique<Program>(std::vector{test::program("choices"), what});
    for (uint64_t& address : addresses_) address = program->resume().text.value();
    EXPECT_TRUE(stopped(program->resume(), StopKind::choice, 100));
    return program;
  }
  // Of `state`, `noise` and `ignored`.
  uint64_t addresses_[3] = {};
};

TEST_F(Keys, AreOfAllMemoryButTheDeadStack) {
  const auto program = start("plain");
  program->choose(44);  // once through the loop: registers count, whether or not they are used again
  const ScopedSnapshot begin = program->capture();
  program->choose(45);
  const ScopedSnapshot stack = program->capture();
  EXPECT_FALSE(equal(*begin, *stack));
  EXPECT_EQ(begin->masked, stack->masked);
  EXPECT_EQ(begin->key, stack->key);
  for (const int64_t alternative : {11, 21, 31}) {
    program->choose(alternative);
    const ScopedSnapshot other = program->capture();
    EXPECT_NE(other->key, begin->key) << alternative;
    program->choose(alternative - 1);
    EXPECT_EQ(program->capture()->key, begin->key) << alternative;
  }
}

TEST_F(Keys, AreOfTheDeclaredStateAlone) {
  const auto program = start("state");
  const ScopedSnapshot begin = program->capture();
  for (const int64_t alternative : {22, 33, 44}) {
    program->choose(alternative);
    EXPECT_EQ(program->capture()->key, begin->key) << alternative;
  }
  program->choose(15);
  const ScopedSnapshot other = program->capture();
  EXPECT_NE(other->key, begin->key);
  program->choose(10);
  EXPECT_EQ(program->capture()->key, begin->key);
}

TEST_F(Keys, AreOfTheStopPointToo) {
  for (const char* what : {"state", "plain"}) {
    const auto program = start(what);
    const ScopedSnapshot begin = program->capture();
    ASSERT_TRUE(stopped(program->choose(50), StopKind::choice, 7));
    const ScopedSnapshot other_alternatives = program->capture();
    EXPECT_NE(other_alternatives->key, begin->key);
    program->choose(0);
    ASSERT_TRUE(stopped(program->choose(60), StopKind::choice, 100));
    const ScopedSnapshot other_line = program->capture();
    EXPECT_NE(other_line->key, begin->key);
    EXPECT_NE(other_line->key, other_alternatives->key);
    program->choose(0);
    EXPECT_EQ(program->capture()->key, begin->key);
  }
}

TEST_F(Keys, LeaveOutWhatTheProgramIgnores) {
  const auto program = start("ignore");
  const ScopedSnapshot begin = program->capture();
  program->choose(35);
  const ScopedSnapshot ignored = program->capture();
  EXPECT_EQ(ignored->key, begin->key);
  EXPECT_NE(ignored->memory, begin->memory);
  program->choose(25);
  const ScopedSnapshot noise = program->capture();
  EXPECT_NE(noise->key, begin->key);
}

TEST_F(Keys, TakeAnyAddressOfAThreadsIdForWhatItIs) {
  const auto program = start("thread-id");
  const ScopedSnapshot begin = program->capture();
  program->choose(15);
  const ScopedSnapshot other = program->capture();
  EXPECT_NE(other->key, begin->key);
  program->choose(10);
  EXPECT_EQ(program->capture()->key, begin->key);
}

TEST_F(Keys, LeaveOutWhatWeIgnoreAndKeepWhatWeTrack) {
  const auto program = start("plain");
  ASSERT_TRUE(ok((*program)->captured().masks().ignore({addresses_[1], addresses_[1] + 4})));
  {
    const ScopedSnapshot begin = program->capture();
    program->choose(25);
    EXPECT_EQ(program->capture()->key, begin->key);
  }
  ASSERT_TRUE(ok((*program)->captured().masks().track({addresses_[0], addresses_[0] + 8})));
  const ScopedSnapshot tracked = program->capture();
  program->choose(36);
  EXPECT_EQ(program->capture()->key, tracked->key);
  program->choose(16);
  const ScopedSnapshot other = program->capture();
  EXPECT_NE(other->key, tracked->key);
}

TEST_F(Keys, DeclarationsRollBack) {
  Program program({test::program("choices"), "state"});
  // Before it has declared anything.
  const ScopedSnapshot begin = program.capture();
  for (int i = 0; i < 2; ++i) {
    for (int assertion = 0; assertion < 3; ++assertion) program.resume();
    ASSERT_TRUE(stopped(program.resume(), StopKind::choice, 100));
    const ScopedSnapshot one = program.capture();
    program.choose(22);
    const ScopedSnapshot two = program.capture();
    EXPECT_EQ(one->key, two->key);
    program.restore(begin);
    EXPECT_EQ(program.capture()->key, begin->key);
  }
}

TEST_F(Keys, OfTwoPathsToOneEndAreOne) {
  Program program({test::program("choices")});
  ASSERT_TRUE(stopped(program.resume(), StopKind::choice, 3));
  const ScopedSnapshot begin = program.capture();
  program.choose(1);
  ASSERT_TRUE(stopped(program.choose(2), StopKind::exit, 12));
  const ScopedSnapshot end = program.capture();
  program.restore(begin);
  program.choose(2);
  ASSERT_TRUE(stopped(program.choose(2), StopKind::exit, 22));
  const ScopedSnapshot other_end = program.capture();
  EXPECT_NE(end->key, other_end->key);
  program.restore(begin);
  program.choose(1);
  ASSERT_TRUE(stopped(program.choose(2), StopKind::exit, 12));
  EXPECT_EQ(program.capture()->key, end->key);
}

}  // namespace
}  // namespace pagestore::test

// What a thread may be doing after what: every legal transition is accepted, every other one is an assertion.
#include "ptrace/activity.h"

#include <sys/ptrace.h>

#include "ptrace/traced_thread.h"
#include "support.h"

namespace pagestore::test {
namespace {

using activity::Kind;

constexpr Kind kAll[] = {Kind::running,     Kind::call_entry,   Kind::call_exit, Kind::signal_delivery,
                         Kind::interrupted, Kind::inside_vfork, Kind::ended};
static_assert(std::size(kAll) == activity::kKinds);

activity::Any make(Kind kind) {
  switch (kind) {
    case Kind::running:
      return activity::Running{};
    case Kind::call_entry:
      return activity::CallEntry{};
    case Kind::call_exit:
      return activity::CallExit{};
    case Kind::signal_delivery:
      return activity::SignalDelivery{};
    case Kind::interrupted:
      return activity::Interrupted{};
    case Kind::inside_vfork:
      return activity::InsideVfork{};
    case Kind::ended:
      return activity::Ended{};
  }
  return activity::Running{};
}

// A thread that is doing that; a new one is running.
TracedThread thread_in(Kind kind) {
  TracedThread thread(1);
  if (kind != Kind::running) thread.enter(make(kind));
  return thread;
}

TEST(Transitions, GoFromRunningToAStopAndFromAStopToRunning) {
  int legal = 0;
  for (const Kind from : kAll) {
    for (const Kind to : kAll) {
      const bool begins = from == Kind::running && to != Kind::running;
      const bool ends = from != Kind::running && from != Kind::ended && to == Kind::running;
      EXPECT_EQ(activity::is_legal(from, to), begins || ends)
          << static_cast<int>(from) << " to " << static_cast<int>(to);
      legal += activity::is_legal(from, to);
    }
  }
  EXPECT_EQ(legal, 11);
}

TEST(Transitions, ThatAreLegalAreMade) {
  for (const Kind from : kAll) {
    for (const Kind to : kAll) {
      if (!activity::is_legal(from, to)) continue;
      TracedThread thread = thread_in(from);
      thread.enter(make(to));
      EXPECT_TRUE(thread.is_at(to));
      EXPECT_EQ(thread.is_running(), to == Kind::running);
      EXPECT_EQ(thread.has_ended(), to == Kind::ended);
      EXPECT_EQ(thread.is_stopped(), to != Kind::running && to != Kind::ended);
    }
  }
}

#if defined(PAGESTORE_ASSERTIONS)
TEST(TransitionsDeathTest, ThatAreNotLegalEndTheTracer) {
  for (const Kind from : kAll) {
    for (const Kind to : kAll) {
      if (activity::is_legal(from, to)) continue;
      EXPECT_DEATH(thread_in(from).enter(make(to)), "is_legal") << static_cast<int>(from) << static_cast<int>(to);
    }
  }
}
#endif

TEST(Transitions, ByExecComeFromAnything) {
  for (const Kind from : kAll) {
    TracedThread thread = thread_in(from);
    thread.ask(question::ThreadExit{});
    thread.set_pending_stop({});
    thread.on_exec();
    EXPECT_TRUE(thread.is_at(Kind::interrupted));
    EXPECT_TRUE(thread.asks(question::Kind::none));
    EXPECT_FALSE(thread.pending_stop());
  }
}

TEST(Transitions, OfADyingThreadAreNoneWhereItRunsOrHasEnded) {
  for (const Kind from : kAll) {
    TracedThread thread = thread_in(from);
    thread.mark_dying();
    EXPECT_TRUE(thread.is_at(from == Kind::ended ? Kind::ended : Kind::running));
  }
}

TEST(AThread, HasEnteredACallOnlyAtItsEntry) {
  TracedThread thread = thread_in(Kind::call_entry);
  EXPECT_FALSE(thread.has_entered_call());
  thread.set_entered_call(activity::EnteredCall{7, false});
  EXPECT_TRUE(thread.has_entered_call());
  thread.set_entered_call({});
  EXPECT_FALSE(thread.has_entered_call());
  TracedThread other = thread_in(Kind::call_exit);
  other.set_entered_call(activity::EnteredCall{7, false});
  EXPECT_FALSE(other.has_entered_call());
}

TEST(AThread, IsInsideVforkWhetherItIsStoppedThereOrRuns) {
  TracedThread thread = thread_in(Kind::inside_vfork);
  EXPECT_TRUE(thread.is_inside_vfork());
  thread.enter(activity::Running{{}, true});
  EXPECT_TRUE(thread.is_inside_vfork());
  thread.enter(activity::CallExit{});
  EXPECT_FALSE(thread.is_inside_vfork());
}

TEST(AThread, ThatRunsHasNoRegistersToBeRead) {
  TracedThread thread(getpid());
  Registers* registers;
  EXPECT_TRUE(refused(thread.get_registers(&registers), Error::tracee));
}

}  // namespace
}  // namespace pagestore::test

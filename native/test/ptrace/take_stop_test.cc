// A stop is taken, and never the end that has come in its place: others wait for that.
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ptrace/waiter.h"
#include "support.h"

namespace pagestore::test {
namespace {

pid_t start_stopped() {
  const pid_t child = fork();
  if (child == 0) {
    ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    raise(SIGSTOP);
    for (;;) pause();
  }
  siginfo_t info{};
  waitid(P_PID, static_cast<id_t>(child), &info, WSTOPPED | WNOWAIT);
  return child;
}

void end(pid_t child) {
  kill(child, SIGKILL);
  // One that is about to end already stands at that.
  ptrace(PTRACE_CONT, child, nullptr, 0);
  waitpid(child, nullptr, 0);
}

TEST(TakeStop, GivesTheSignal) {
  const pid_t child = start_stopped();
  const std::optional<WaitEvent> event = take_stop(child);
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event->thread, child);
  EXPECT_FALSE(event->is_end());
  EXPECT_EQ(event->signal(), SIGSTOP);
  EXPECT_EQ(event->ptrace_event(), 0);
  end(child);
}

TEST(TakeStop, GivesTheEventOfAPtraceStop) {
  const pid_t child = start_stopped();
  ASSERT_TRUE(take_stop(child).has_value());
  ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_TRACEEXIT);
  kill(child, SIGTERM);
  ptrace(PTRACE_CONT, child, nullptr, 0);
  siginfo_t info{};
  waitid(P_PID, static_cast<id_t>(child), &info, WSTOPPED | WNOWAIT);
  ASSERT_EQ(take_stop(child)->signal(), SIGTERM);
  ptrace(PTRACE_CONT, child, nullptr, SIGTERM);
  waitid(P_PID, static_cast<id_t>(child), &info, WSTOPPED | WNOWAIT);
  const std::optional<WaitEvent> event = take_stop(child);
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event->ptrace_event(), PTRACE_EVENT_EXIT);
  end(child);
}

TEST(TakeStop, LeavesTheEndToWhoeverWaitsForIt) {
  const pid_t child = start_stopped();
  kill(child, SIGKILL);
  siginfo_t info{};
  waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT);
  EXPECT_FALSE(take_stop(child).has_value());
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status));
}

}  // namespace
}  // namespace pagestore::test

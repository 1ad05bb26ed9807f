#include "ptrace/filters/tried_calls.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <optional>

#include "ptrace/stop.h"

namespace pagestore {

namespace {

// What a child does that a signal of the filter does not kill first. It makes no call of a library.
[[noreturn]] void try_call(int64_t number) {
  syscall(number, -1L, -1L, -1L, -1L, -1L, -1L);
  syscall(SYS_exit_group, 0);
  __builtin_unreachable();
}

// None where that is not known: a system short of memory makes no child, or ends it.
std::optional<bool> is_survived(int64_t number) {
  // Its end is reported by no signal, so that nobody else in this process notices it.
  const long child = syscall(SYS_clone, 0, nullptr, nullptr, nullptr, nullptr);
  if (child == 0) try_call(number);
  if (child < 0) return {};
  int status = 0;
  while (waitpid(static_cast<pid_t>(child), &status, __WALL) < 0) {
    if (errno != EINTR) return {};
  }
  if (WIFSIGNALED(status) && WTERMSIG(status) != SIGSYS) return {};
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

bool survives_call(int64_t number) {
  // A system that lets no child say what became of it may do so each time: then the answer is no.
  constexpr uint8_t kMostTries = 8;
  static std::atomic<uint8_t> known[kMostSystemCalls];  // 0 unknown, 1 no, 2 yes
  static std::atomic<uint8_t> tries[kMostSystemCalls];
  if (number < 0 || number >= static_cast<int64_t>(kMostSystemCalls)) return false;
  std::atomic<uint8_t>& answer = known[number];
  if (answer == 0) {
    const std::optional<bool> found = is_survived(number);
    if (!found && ++tries[number] < kMostTries) return false;
    answer = found.value_or(false) ? 2 : 1;
  }
  return answer == 2;
}

}  // namespace pagestore

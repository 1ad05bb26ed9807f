#include "ptrace/timed_wait.h"

#include <sys/syscall.h>

#include "ptrace/wait_limits.h"

namespace pagestore {

ThreadSleep read_sleep(pid_t pid, pid_t thread) {
  ThreadSleep sleep;
  sleep.call = read_sleeping_call(pid, thread);
  if (sleep.call && can_have_limit(sleep.call->number)) sleep.schedule = read_schedule(pid, thread);
  return sleep;
}

int64_t time_waited(pid_t pid, pid_t thread, const ThreadSleep& sleep, const Registers& registers) {
  if (!sleep.call || !sleep.schedule || sleep.call->number != registers.call().number ||
      sleep.call->stack.value() != registers.stack()) {
    return 0;
  }
  const auto now = read_schedule(pid, thread);
  return now ? time_asleep(*sleep.schedule, *now).value_or(0) : 0;
}

bool is_done_when_interrupted(int64_t number) {
  return number == SYS_close;
}

}  // namespace pagestore

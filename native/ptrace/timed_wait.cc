#include "ptrace/timed_wait.h"

#include <sys/syscall.h>

#include <cerrno>

#include "ptrace/wait_limits.h"

namespace pagestore {

namespace {

// Whether the call was done when it failed because it was interrupted, and must not be made again.
bool is_done(int64_t number) {
  return number == SYS_close;
}

}  // namespace

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

bool make_again(const ThreadSleep& sleep, Registers* registers) {
  if (registers->result() != -EINTR) return false;
  if (registers->is_in_call()) {
    if (is_done(registers->call().number)) return false;
    registers->set_result(static_cast<uint64_t>(kRestartNoHand));
    return true;
  }
  // The kernel hides the call, and has put its result where the first argument was.
  if (!Registers::kHidesCalls || !sleep.call || is_done(sleep.call->number) ||
      registers->next_call().number != sleep.call->number ||
      registers->instruction_pointer() != sleep.call->instruction.value() ||
      registers->stack() != sleep.call->stack.value()) {
    return false;
  }
  registers->set_result(sleep.call->first_argument);
  registers->rewind_call(sleep.call->number);
  registers->return_to_call(sleep.call->number, kRestartNoHand);
  return true;
}

}  // namespace pagestore

#include "ptrace/untraced_clone.h"

#include <sched.h>
#include <sys/syscall.h>

#include "ptrace/register_cache.h"

namespace pagestore {

bool asks_not_to_be_traced(const SystemCall& call) {
  return call.number == SYS_clone && (call.arguments[0] & CLONE_UNTRACED) != 0;
}

SystemCall traced(const SystemCall& call) {
  SystemCall without = call;
  without.arguments[0] &= ~uint64_t{CLONE_UNTRACED};
  return without;
}

int64_t trace_what_starts(pid_t thread) {
  RegisterCache cache(thread);
  Registers* registers;
  if (!cache.get(&registers).is_ok()) return -1;
  const SystemCall call = registers->call();
  if (!asks_not_to_be_traced(call)) return call.number;
  registers->replace(traced(call));
  cache.mark_dirty();
  // It is refused only if the thread was killed.
  static_cast<void>(cache.flush().is_ok());
  return call.number;
}

}  // namespace pagestore

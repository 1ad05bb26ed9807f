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

void trace_what_starts(pid_t thread) {
  RegisterCache cache(thread);
  Registers* registers;
  if (!cache.get(&registers).is_ok() || !asks_not_to_be_traced(registers->call())) return;
  registers->replace(traced(registers->call()));
  cache.mark_dirty();
  // It is refused only if the thread was killed.
  static_cast<void>(cache.flush().is_ok());
}

}  // namespace pagestore

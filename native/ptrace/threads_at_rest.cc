#include "ptrace/threads_at_rest.h"

#include "linux/thread_status.h"

namespace pagestore {

// One thread may wake another that was looked at before, and fall asleep itself before it is looked at. Then the other
// one has run between the two rounds, or runs.
pid_t find_restless(pid_t pid, const ThreadTable& threads) {
  uint64_t runs[2] = {};
  pid_t last = 0;
  for (uint64_t& sum : runs) {
    for (const TracedThread* thread : threads.all()) {
      if (!thread->is_running()) continue;
      const RestReading reading = read_rest(pid, thread->id());
      if (!reading.is_at_rest) return thread->id();
      sum += reading.runs;
      last = thread->id();
    }
  }
  return runs[0] == runs[1] ? 0 : last;
}

}  // namespace pagestore

// Which calls a process that we attached to may make for us: a filter of its own (seccomp) may kill it for one that it
// never makes by itself.
//
// Its filters are read where the kernel lets us (CAP_SYS_ADMIN), and asked about each call. Where it does not, and the
// process has no more of them than we have, a child of ours tries the call (tried_calls.h). Else nothing is allowed.
//
// It leaves to its caller: the threads are stopped; to `forget` what is known when the process may have got a filter.
#pragma once

#include <linux/filter.h>

#include "ptrace/thread_table.h"

namespace pagestore {

class AllowedCalls {
 public:
  // `permission` where the thread must not make the call.
  Status check(const ThreadTable& threads, TracedThread& maker, const SystemCall& call);
  void forget() { is_known_ = false; }

 private:
  enum class Known : uint8_t { nothing_filtered, by_program, by_trial, nothing_allowed };

  Status find(const ThreadTable& threads);
  Status read_programs(const TracedThread& thread, uint64_t count, bool* can_read);
  bool is_allowed(TracedThread& maker, const SystemCall& call) const;

  bool is_known_ = false;
  Known known_ = Known::nothing_filtered;
  GrowingArray<sock_filter> steps_;  // of all programs
  GrowingArray<size_t> ends_;        // of each of them
};

}  // namespace pagestore

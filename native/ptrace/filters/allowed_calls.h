// Which calls a process that we attached to may make for us: a filter of its own (seccomp) may kill it for one that it
// never makes by itself.
//
// Each thread has filters of its own. They are read where the kernel lets us (CAP_SYS_ADMIN), and asked about each
// call. Where it does not, and the thread has no more of them than we have, and lives where we do, a child of ours
// tries it (tried_calls.h). Else nothing is allowed in this thread.
//
// It leaves to its caller: the threads are stopped; to `forget` what is known when the process may have got a filter.
#pragma once

#include "ptrace/filters/filter_programs.h"
#include "ptrace/thread_table.h"

namespace pagestore {

class AllowedCalls {
 public:
  // `permission` where the thread must not make the call.
  Status check(const ThreadTable& threads, const TracedThread& maker, const SystemCall& call, CallNeed need);
  void forget() { is_known_ = false; }

  // What `check` says of a thread that must not make a call.
  static Status forbidden(pid_t thread) {
    return Status::call_forbidden(thread, "its own filter (seccomp) may end it for that");
  }

 private:
  enum class Known : uint8_t { nothing_filtered, by_program, by_trial, nothing_allowed };

  Status find(const ThreadTable& threads);
  Status find(const TracedThread& thread);
  Status read_programs(const TracedThread& thread, uint64_t count, bool* can_read);
  bool is_allowed(const SystemCall& call, CallNeed need) const;

  bool is_known_ = false, has_filters_ = false;  // the latter: any thread
  // Of the thread that was asked about last.
  pid_t thread_ = 0;
  Known known_ = Known::nothing_filtered;
  FilterPrograms programs_;
};

}  // namespace pagestore

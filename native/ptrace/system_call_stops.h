// Decides about a thread that stopped at the entry or at the exit of a system call: what the call means to us,
// whether we answer it ourselves, and whether the stop is reported.
//
// It leaves to its caller: the thread is marked as running, as it was until it stopped.
#pragma once

#include "linux/remote_memory.h"
#include "ptrace/clock_calls.h"
#include "ptrace/file_calls.h"
#include "ptrace/memory_changes.h"
#include "ptrace/process_traits.h"
#include "ptrace/system_call_filter.h"
#include "ptrace/thread_table.h"
#include "ptrace/timed_waits.h"

namespace pagestore {

class SystemCallStops {
 public:
  struct Parts {
    const ProcessTraits& traits;
    const ThreadTable& threads;
    const RemoteMemory& memory;
    MemoryChanges& changes;
    FileChanges& files;
    CurrentProgram& program;
    const TimedWaits& waits;
    ClockCalls& clock_calls;
  };
  explicit SystemCallStops(const Parts& parts) : parts_(parts), file_calls_(parts.memory, parts.files) {}

  // A stop that PTRACE_SYSCALL brings, on entry and on exit.
  Status classify(TracedThread& thread, const RunOptions& options, std::optional<Stop>* stop);
  // A stop of the filter, on entry.
  Status classify_by_filter(TracedThread& thread, const RunOptions& options, std::optional<Stop>* stop);
  // A call that the thread has entered and makes now: what it does to memory and files counts from here on.
  Status before_run(TracedThread& thread);

 private:
  Status classify_exit(TracedThread& thread, int64_t result, const RunOptions& options, std::optional<Stop>* stop);
  Status leave_replaced_call(TracedThread& thread, const activity::EnteredCall& call, const RunOptions& options,
                             std::optional<Stop>* stop);
  Status classify_entry(TracedThread& thread, const SystemCall& call, const RunOptions& options,
                        std::optional<Stop>* stop);
  void note_change(const SystemCall& call);
  void note_filter(const SystemCall& call);
  void note_mapping_change(const SystemCall& call);
  void note_advice(const SystemCall& call);
  void note_registration(const SystemCall& call);
  bool note_other_interface(TracedThread& thread, const SystemCall& call);
  Status trace_what_starts(TracedThread& thread, const SystemCall& call);
  Status answer_random(TracedThread& thread, const SystemCall& call);
  Status answer_program(TracedThread& thread, const SystemCall& call, SystemCallKind kind, std::optional<Stop>* stop);

  const Parts parts_;
  FileCalls file_calls_;
};

}  // namespace pagestore

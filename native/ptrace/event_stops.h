// Decides about a thread that stopped for a ptrace event: it started a thread or a process, or became another
// program.
//
// A new thread is stopped before its first instruction, its parent at the exit of the call. A new process is a
// follower (followers.h).
#pragma once

#include "ptrace/breakpoints/breakpoint.h"
#include "ptrace/clock_calls.h"
#include "ptrace/file_changes.h"
#include "ptrace/injected_calls.h"
#include "ptrace/memory_changes.h"
#include "ptrace/process_traits.h"
#include "ptrace/started/followers.h"

namespace pagestore {

class EventStops {
 public:
  struct Parts {
    const ProcessTraits& traits;
    ThreadTable& threads;
    ProcessWaiter& waiter;
    RemoteMemory& memory;
    Breakpoint& breakpoint;
    InjectedCalls& injected;
    Followers& followers;
    MemoryChanges& changes;
    FileChanges& files;
    CurrentProgram& program;
    ClockCalls& clock_calls;
    KeptClock& clock;
  };
  explicit EventStops(const Parts& parts) : parts_(parts) {}

  // `event` is a PTRACE_EVENT_…; the thread is marked as running, as it was until it stopped.
  Status classify(TracedThread& thread, int event, std::optional<Stop>* stop);

 private:
  void note_start();
  Status on_clone(TracedThread& parent, pid_t id);
  Status on_vfork(TracedThread& parent, pid_t child, const StartCall& start);
  Status on_exec(TracedThread& thread);

  const Parts parts_;
};

}  // namespace pagestore

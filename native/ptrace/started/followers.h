// Processes that a tracee started. Without a system call filter they are detached at once. A filter is
// inherited and makes calls fail that have no tracer: such children are traced only so that they can run on,
// and end with the tracee.
//
// One that shares the tracee's memory or descriptors changes them for the tracee, too: that is marked
// (started_processes.h).
//
// A follower stops for what any traced process stops for, and runs on at once; what it starts becomes a follower too.
// They run on only while somebody waits for the tracee, since only then do we see their stops. It leaves to its caller:
// to wait for `all` whenever it waits, to pass on their events, and to `kill` them at the end.
#pragma once

#include <sys/types.h>

#include <span>

#include "ptrace/breakpoints/breakpoint.h"
#include "ptrace/file_changes.h"
#include "ptrace/memory_changes.h"
#include "ptrace/process_traits.h"
#include "ptrace/process_waiter.h"
#include "ptrace/started/started_processes.h"
#include "system/growing_array.h"

namespace pagestore {

class Followers {
 public:
  Followers(const ProcessTraits& traits, const Breakpoint& breakpoint, MemoryChanges& changes, FileChanges& files)
      : traits_(traits), breakpoint_(breakpoint), changes_(changes), files_(files) {}

  // They inherit the filter, and so must be traced.
  void keep_tracing() { keeps_tracing_ = true; }
  // They inherit a disabled counter, too; what they read is the processor's.
  void answer_counter() { has_disabled_counter_ = true; }

  // A child that the kernel traces for us from its start. `origin` as StartedProcess has it.
  Status add(pid_t child, const StartCall& start, uint64_t origin);
  std::span<const pid_t> all() const { return {followers_.data(), followers_.size()}; }
  // A follower runs on, whatever it stopped for.
  void on_event(const WaitEvent& event);
  // Leaves to its caller: nothing of them is left to wait for.
  void kill(const ProcessWaiter& waiter);

  // Followers, and those that are not traced.
  StartedProcesses& started() { return started_; }
  const StartedProcesses& started() const { return started_; }

 private:
  void note_call(pid_t follower);
  Status note_start(pid_t child, const StartCall& start, uint64_t origin);
  void add_child_of(const WaitEvent& event);
  void stop_all(const ProcessWaiter& waiter);

  const ProcessTraits& traits_;
  const Breakpoint& breakpoint_;
  MemoryChanges& changes_;
  FileChanges& files_;
  bool keeps_tracing_ = false, is_ending_ = false, has_disabled_counter_ = false;
  GrowingArray<pid_t> followers_;
  StartedProcesses started_;
};

}  // namespace pagestore

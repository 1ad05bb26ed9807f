// The processes that a tracee has started, its children and others: they do not roll back. Only the tracee itself does,
// so it must find of them what it found at the snapshot.
//
// A snapshot notes which children there are that were not waited for, and what a wait would say of each: that it has
// ended, was stopped or was continued, or nothing. A restore is refused where that is different now. A child that was
// started since and has ended is waited for in the program's stead; a process that was started since and runs is a
// difference, too, whoever's child it is. Where there is none, but one runs on meanwhile, or one was started since,
// what that did stays: a warning says so, once of each kind.
//
// A process that shares the tracee's memory or descriptors, and is no thread, goes on changing them while the tracee is
// stopped: as long as there is one, there is no capture and no restore (sharing.h). Of processes that were started by
// others than the tracee, only those are known that are traced.
//
// The tracee is asked, by a call that we have it make, only of a child that may have something new to say: one that has
// been running since it was asked last. Where a filter of its own forbids it the call, /proc says what it can. While
// there are no children it costs nothing. It leaves to its caller: to `read` before all else.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "ptrace/traced_process.h"

namespace pagestore {

class ChildProcesses {
 public:
  explicit ChildProcesses(TracedProcess& process) : process_(process) {}

  // `scratch` as find_scratch says it. `files`: whether descriptors are restored.
  Status read(std::optional<RemoteAddress> scratch, bool files);
  // Equal children are equal bytes.
  Status save(GrowingArray<std::byte>* bytes) const;
  // Of bytes that `save` gave, of a snapshot that was taken after that event (ptrace/file_changes.h). Refuses what a
  // restore cannot undo, and changes nothing.
  Status check(std::span<const std::byte> bytes, uint64_t event) const;
  // What was checked: nothing is left of those that were started since.
  Status undo(std::span<const std::byte> bytes, std::optional<RemoteAddress> scratch);

  // After a restore to a snapshot that was taken after that event.
  void warn(uint64_t event);
  // What a restore did not put back, as a sentence, once; empty if there is nothing to say.
  std::string_view warning() const { return warning_; }
  void clear_warning() { warning_[0] = '\0'; }

 private:
  // As it is saved.
  struct Child {
    int32_t id;
    int32_t code, status;  // what a wait would say: CLD_…, 0 for nothing, and the exit code or signal
    int32_t unused;
    uint64_t started;
  };
  // What else is known of it.
  struct Seen {
    Child child;
    pid_t number = 0;   // by which the tracee knows it
    char state = 'X';   // proc(5)
    uint64_t runs = 0;  // how often its first thread was let run by then; 0 where the kernel does not say
  };
  Status read_child(pid_t id, std::optional<RemoteAddress> scratch);
  Status find_number(Seen* seen);
  Status ask(RemoteAddress scratch, Seen* seen) const;
  Status wait(RemoteAddress scratch, uint64_t options, Seen* seen) const;
  const Seen* find_before(const Child& child) const;
  void find_runners();
  static Status read_saved(std::span<const std::byte> bytes, GrowingArray<Child>* children);
  static const Child* find(std::span<const Child> children, const Child& child);
  static Status compare(const Child& then, const Child& now);

  TracedProcess& process_;
  int depth_ = 0;  // of the tracee's PID namespace (related_processes.h); 0 before it was asked for
  GrowingArray<Seen> children_, before_;
  // Others that run: the one that came about last, and the event that it came about by.
  pid_t runner_ = 0;
  uint64_t runner_origin_ = 0;
  bool has_warned_of_running_ = false, has_warned_of_ended_ = false;
  char warning_[240] = "";
};

}  // namespace pagestore

// The processes that a tracee has started, its children: they do not roll back. Only the tracee itself does, so it must
// find of them what it found at the snapshot.
//
// A snapshot notes which children there are that were not waited for, and what a wait would say of each: that it has
// ended, was stopped or was continued, or nothing. A restore is refused where that is different now. A child that was
// started since and has ended is waited for in the program's stead; one that runs is a difference, too. Where there is
// none, but a child runs on meanwhile, or one was started since, what that did stays: a warning says so, once of each
// kind.
//
// A process that shares the tracee's memory, and is no thread, goes on writing there while the tracee is stopped: as
// long as there is one, there is no capture and no restore. Such processes are known if they are children, or if they
// are traced (ptrace/followers.h).
//
// It costs nothing while there are no children. It leaves to its caller: to `read` before all else.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "ptrace/traced_process.h"

namespace pagestore {

class ChildProcesses {
 public:
  explicit ChildProcesses(TracedProcess& process) : process_(process) {}

  // `scratch` as find_scratch says it.
  Status read(std::optional<RemoteAddress> scratch);
  // Equal children are equal bytes.
  Status save(GrowingArray<std::byte>* bytes) const;
  // Of bytes that `save` gave. Refuses what a restore cannot undo, and changes nothing.
  Status check(std::span<const std::byte> bytes) const;
  // What was checked: nothing is left of those that were started since.
  Status undo(std::span<const std::byte> bytes, std::optional<RemoteAddress> scratch);

  // After a restore to a snapshot that was taken after that event (ptrace/file_changes.h).
  void warn(uint64_t event);
  // What a restore did not put back, as a sentence, once; empty if there is nothing to say.
  std::string_view warning() const { return warning_; }
  void clear_warning() { warning_[0] = '\0'; }

 private:
  struct Child {
    int32_t id;
    int32_t code, status;  // what a wait would say: CLD_…, 0 for nothing, and the exit code or signal
    int32_t unused;
    uint64_t started;
  };
  Status check_memory(pid_t other, RemoteAddress scratch) const;
  Status wait(RemoteAddress scratch, uint64_t options, Child* child) const;
  static Status read_saved(std::span<const std::byte> bytes, GrowingArray<Child>* children);
  static const Child* find(std::span<const Child> children, const Child& child);
  static Status compare(const Child& then, const Child& now);

  std::span<const Child> all() const { return {children_.data(), children_.size()}; }

  TracedProcess& process_;
  GrowingArray<Child> children_;
  bool has_warned_of_running_ = false, has_warned_of_ended_ = false;
  char warning_[240] = "";
};

}  // namespace pagestore

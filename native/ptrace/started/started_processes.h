// The processes of which we saw the start: those that a tracee has started and, where they are traced, those that they
// have started in turn. It notes of each what it has in common with the tracee.
//
// What two processes share is decided when one starts the other, by the flags of that call; it only ever becomes less.
// So who did not share at the start never will, and what is noted errs to one side: a process may have parted with the
// tracee unseen. Of those that are not traced nothing more is seen: once one of them shares something, it may have
// started others that do (`has_unseen_sharers`).
//
// `origin` is the event (file_changes.h) by which the tracee started the process, or its ancestor: a snapshot that was
// taken before is one of a time when none of it had happened. It leaves to its caller: to `remove` what has ended.
#pragma once

#include <sys/types.h>

#include <span>

#include "system/growing_array.h"
#include "system/status.h"

namespace pagestore {

// What a process has in common with the tracee.
struct SharedParts {
  bool memory = false, descriptors = false;

  bool any() const { return memory || descriptors; }
};

// What a call that starts a task says of it.
struct StartCall {
  SharedParts shared;
  bool is_thread = false;
};

// `caller` makes the call, and is stopped in it. What cannot be read is shared.
StartCall read_start_call(pid_t caller);

struct StartedProcess {
  pid_t id = 0;
  uint64_t started = 0;  // process_stat.h
  uint64_t origin = 0;
  StartCall start;
  bool is_traced = false;
};

class StartedProcesses {
 public:
  [[nodiscard]] bool add(const StartedProcess& process);
  // Null where it was not seen.
  const StartedProcess* find(pid_t id) const;
  std::span<const StartedProcess> all() const { return {all_.data(), all_.size()}; }
  void remove(pid_t id);

  // It became another program, and shares nothing from now on.
  void on_exec(pid_t id);
  // Nobody shares anything with the tracee any more.
  void on_parting();

  // The tracee ran before we saw what it starts.
  void mark_unseen_sharers() { has_unseen_sharers_ = true; }
  bool has_unseen_sharers() const { return has_unseen_sharers_; }
  bool has_sharers() const;

 private:
  StartedProcess* find_entry(pid_t id);

  GrowingArray<StartedProcess> all_;
  bool has_unseen_sharers_ = false;
};

}  // namespace pagestore

// What the system calls of a thread do to open files: what may have changed by them is noted in FileChanges.
//
// Most calls are noted at their entry. What depends on a call's result, such as bytes that move, is noted at its exit,
// which the thread then stops at (call_effects.h).
//
// A filter stops the process by numbers of descriptors. A call that may give a monitored file another number (dup, a
// descriptor in a message, a path below /proc/self/fd) is seen, and from then on every call of every thread is, until
// the next capture or restore knows the new numbers; so steps without such calls cost nothing more.
#pragma once

#include <optional>

#include "linux/remote_memory.h"
#include "ptrace/call_effects.h"
#include "ptrace/monitored_calls.h"
#include "ptrace/traced_thread.h"

namespace pagestore {

class FileCalls {
 public:
  FileCalls(const RemoteMemory& memory, FileChanges& files) : memory_(memory), files_(files) {}

  // The thread has entered the call, and makes it when it runs. It may be told more than once.
  void on_entry(TracedThread& thread, const SystemCall& call);
  void on_exit(pid_t task, const CallEffects& effects, int64_t result);

  // Whether a filter that was added for a descriptor stops the thread at the call.
  bool is_filtered(const SystemCall& call) const;

 private:
  void on_descriptor_call(const SystemCall& call, CallEffects* effects);
  void on_control(const SystemCall& call, CallEffects* effects) const;
  void on_duplicate(int32_t number);
  void on_close(uint32_t first, uint32_t last, CallEffects* effects);
  void find_new_number(int32_t number);
  void on_mapping(const SystemCall& call);
  void on_transfer(const SystemCall& call, CallEffects* effects);
  void add_end(uint64_t number, uint64_t offset, bool is_written, CallEffects* effects) const;
  void on_use(const SystemCall& call, FileUse use, CallEffects* effects);
  void on_stream(const SystemCall& call, FileUse use, const KnownDescriptor& stream, CallEffects* effects) const;
  void on_write(const SystemCall& call, const KnownDescriptor& file);
  void on_write_elsewhere(const SystemCall& call, const KnownDescriptor& file);
  void on_append_mode(const SystemCall& call);
  bool opens_stream(const SystemCall& call) const;
  // What is known of the open file that a number means now; nothing if it is none that is known.
  std::optional<KnownDescriptor> find(int32_t number) const;

  const RemoteMemory& memory_;
  FileChanges& files_;
  pid_t task_ = 0;  // the thread that makes the call: /proc shows by it what all threads share
};

}  // namespace pagestore

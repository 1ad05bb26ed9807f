// What a snapshot keeps of a tracee beside its memory and mappings: its threads, why it stopped, its program break, its
// clock where that is kept, its open files, its pending signals, its timers and its children, as bytes. Equal states
// are equal bytes.
//
// Threads cannot be made or ended by writing memory, so a state can only be loaded into the threads that it was saved
// from. It leaves to its caller: that the process is stopped.
#pragma once

#include "ptrace/traced_process.h"

namespace pagestore {

// Bytes that others saved: of open files (tracee_files.h), of pending signals (saved_signals.h), of timers
// (kernel_timers.h), and of children (child_processes.h).
struct SavedParts {
  std::span<const std::byte> files, signals, timers, children;
};
Status save_state(const TracedProcess& process, uint64_t program_break, const SavedParts& parts,
                  GrowingArray<std::byte>* bytes);

struct SavedState {
  uint32_t program;  // which of those that the process has been
  uint64_t program_break;
  AddressRange growing;  // TracedProcess::growing
  Stop stop;
  pid_t last;  // the thread that stopped last
  Declarers declarers;
  int64_t elapsed;  // of the kept clock
  KeptAlarm alarm;
  SavedParts parts;  // in the bytes that the state was read from, as are the threads
  std::span<const std::byte> threads;
};
Status read_state(std::span<const std::byte> bytes, SavedState* state);

// Goes over the threads of a saved state.
class ThreadReader {
 public:
  explicit ThreadReader(std::span<const std::byte> threads) : bytes_(threads) {}

  // False at the end.
  bool next();
  const ThreadState& state() const { return state_; }
  std::span<const std::byte> vectors() const { return vectors_; }

 private:
  std::span<const std::byte> bytes_;
  ThreadState state_;
  std::span<const std::byte> vectors_;
};

// Refused unless the process is the program that it was, with the threads that it had, whose registers can be made what
// they were.
Status check_state(const TracedProcess& process, const SavedState& state);
// A state that was checked.
Status load_state(TracedProcess& process, const SavedState& state);

}  // namespace pagestore

// A live program that can be rolled back: captured and restored in place, as often as one likes.
//
// A snapshot of it is its memory, its mappings, and for each thread the registers (general, floating point,
// vector) and blocked signals. What the kernel keeps beside that stays as it is: open files and their
// positions, what was written, signal handlers, timers, other processes. Threads cannot be made or unmade:
// a snapshot from which they differ is refused.
//
// Captures and restores are all or nothing for the store. A restore that fails half-way leaves a program that
// is nothing known, which another restore can still make whole. It leaves to its caller: to make all calls
// from one thread, and to call `release` at the end.
#pragma once

#include <memory>

#include "memory/memory.h"
#include "memory/tracee/tracee_memory.h"
#include "ptrace/launch.h"
#include "ptrace/processor.h"

namespace pagestore {

struct SpawnOptions {
  LaunchOptions launch;
  bool shares_processor = true;  // with this thread
};

class Tracee final : public RestorableMemory {
 public:
  static Status spawn(SharedStore* store, const SpawnOptions& options, const TrackerKind* wanted,
                      std::unique_ptr<Tracee>* tracee);
  static Status attach(SharedStore* store, pid_t pid, const TrackerKind* wanted, std::unique_ptr<Tracee>* tracee);

  Status resume(const RunOptions& options, Stop* stop) { return process_.resume(options, stop); }
  Status capture(Snapshot* snapshot) override;
  // Of a snapshot of this tracee.
  Status restore(const Snapshot& snapshot) override;
  Status regions(const RegionList** regions) override;
  Status read(uint64_t address, std::span<std::byte> bytes) const override;
  Status write(uint64_t address, std::span<const std::byte> bytes);
  Status registers(pid_t thread, Registers* registers) const;
  Status set_registers(pid_t thread, const Registers& registers);

  Status detach() { return process_.detach(); }
  void kill() { process_.kill(); }

  TrackerKind tracker() const override { return memory_.tracker(); }
  const TracedProcess& process() const { return process_; }

 private:
  explicit Tracee(SharedStore* store) : RestorableMemory(Kind::tracee, store), memory_(process_) {}
  Status read(const Snapshot& snapshot, GrowingArray<std::byte>* state, GrowingArray<std::byte>* mappings) const;
  Status restore_mappings(std::span<const std::byte> mappings, uint64_t program_break);
  Status write_back(const Snapshot& snapshot);

  SharedProcessor processor_;
  TracedProcess process_;
  TraceeMemory memory_;
};

}  // namespace pagestore

// A live program that can be rolled back: captured and restored in place, any number of times.
//
// A snapshot of it is its memory, its mappings, its descriptors with offsets and flags, what it writes to regular
// files, its pending signals, which timers it has made, and for each thread the registers (general, floating point,
// vector) and blocked signals. What the kernel keeps beside that stays as it is: names of files, signal handlers, what
// timers are set to. Threads and processes cannot be made or ended: where they differ from those of the snapshot, a
// restore is refused.
//
//     capture:  mappings -> files -> threads -> dirty pages -> key -> snapshot, write-protect
//     restore:  files -> signals -> mappings -> dirty pages and differences -> threads
//
// A restore that fails half-way leaves a program of which nothing is known, and which another restore can still put
// back. It leaves to its caller what every memory does, all of it to be done by the thread that spawned or attached.
#pragma once

#include <memory>
#include <optional>

#include "memory/memory.h"
#include "memory/tracee/closed_memory.h"
#include "memory/tracee/counted_regions.h"
#include "memory/tracee/dead_stack.h"
#include "memory/tracee/kernel_timers.h"
#include "memory/tracee/mapping_undo.h"
#include "memory/tracee/processes/child_processes.h"
#include "memory/tracee/tracee_files.h"
#include "memory/tracee/tracee_memory.h"
#include "ptrace/launch.h"
#include "ptrace/processor.h"
#include "ptrace/start/kept_start.h"

namespace pagestore {

struct SavedState;

struct SpawnOptions {
  LaunchOptions launch;
  FileOptions files;
  KeptStart* kept = nullptr;     // to start it by, where there is one
  bool shares_processor = true;  // with this thread
  bool may_lose_timers = false;  // kernel_timers.h
};

class Tracee final : public RestorableMemory {
 public:
  // `wanted`: which tracker to insist on; none for the best there is.
  static Status spawn(SharedStore* store, const SpawnOptions& options, std::optional<TrackerKind> wanted,
                      std::unique_ptr<Tracee>* tracee);
  struct AttachOptions {
    std::optional<TrackerKind> tracker;
    FileOptions files;
  };
  static Status attach(SharedStore* store, pid_t pid, const AttachOptions& options, std::unique_ptr<Tracee>* tracee);

  Status resume(const RunOptions& options, Stop* stop);
  Status capture(Snapshot* snapshot) override;
  // A snapshot of this tracee.
  Status restore(const Snapshot& snapshot) override;
  Status regions(const RegionList** regions) override;
  Status read(uint64_t address, std::span<std::byte> bytes) const override;
  Status write(uint64_t address, std::span<const std::byte> bytes);
  Status registers(std::optional<pid_t> thread, Registers* registers) const;
  Status set_registers(std::optional<pid_t> thread, const Registers& registers);

  Status detach();
  void kill();

  void release(PageStores& stores) override;
  void on_release(PageStores& stores) override { files_.duplicates().sweep(stores); }
  // Of the file that a restore was refused for (Error::files).
  const char* path_at_fault() const { return files_.path(); }
  TraceeFiles& files() { return files_; }
  // What the system refused at its start, so that we do without.
  struct Refusals {
    bool addresses;  // to fix them
    bool starts;     // further starts have other addresses, too
    bool filter;     // that ours alone stops the program: a filter of somebody else's answers before it
    bool tracker;    // the one that is asked for if there is no wish
  };
  Refusals refusals() const {
    return {process_.has_random_addresses(), has_other_starts_, process_.has_others_filter(),
            memory_.is_tracker_refused()};
  }
  ChildProcesses& children() { return children_; }

  // What the program had declared to be its state when it was captured last.
  std::span<const AddressRange> declared() const { return {declared_.data(), declared_.size()}; }

  TrackerKind tracker() const override { return memory_.tracker(); }
  const TracedProcess& process() const { return process_; }

 private:
  explicit Tracee(SharedStore* store)
      : RestorableMemory(Kind::tracee, store),
        memory_(process_, captured_),
        files_(process_, store),
        stacks_(process_) {}
  // Of a snapshot, as bytes.
  struct Parts {
    GrowingArray<std::byte> state, waits, mappings;
  };
  // What was saved of the tracee before the stores were locked.
  struct Saved {
    const SavedState& state;
    std::span<const std::byte> bytes, waits, file_key;  // the state's, and what goes with it
    const RegionList& regions;
  };
  Status explain(const Status& status) const;
  Status capture_all(Snapshot* snapshot);
  Status restore_all(const Snapshot& snapshot);
  Status store_captured(PageStores& stores, const Saved& saved, Snapshot* snapshot);
  Status read_parts(const Snapshot& snapshot, Parts* parts) const;
  Status restore_mappings(const Mappings& wanted);
  // What is as the snapshot has it already.
  struct Kept {
    bool signals = false;  // timers and pending signals
    bool closed = false;   // closed memory
  };
  Status check_possible(const Snapshot& snapshot, const Mappings& wanted, const SavedState& saved, Kept* kept);
  Status restore_files(const Snapshot& snapshot, const SavedState& saved);
  Status put_back(const Snapshot& snapshot, const Mappings& mappings, const SavedState& saved, const Kept& kept);
  Status restore_memory(const Snapshot& snapshot, bool keeps_closed);
  void warn_of_shared_files();
  Status see_mappings();
  Status find_registers(std::optional<pid_t> id, TracedThread** thread, Registers** registers) const;

  SharedProcessor processor_;
  TracedProcess process_;
  TraceeMemory memory_;
  TraceeFiles files_;
  const ClosedMemory closed_{process_, memory_.mappings(), files_.duplicates()};
  KernelTimers timers_{process_};
  ChildProcesses children_{process_};
  DeadStacks stacks_;
  CountedRegions counted_regions_;
  GrowingArray<AddressRange> declared_;
  bool has_other_starts_ = false;
};

}  // namespace pagestore

#include "memory/tracee/tracee.h"

#include <algorithm>
#include <cerrno>
#include <new>

#include "memory/tracee/mapping_undo.h"
#include "memory/tracee/tracee_state.h"
#include "snapshot/stored_bytes.h"
#include "snapshot/stored_regions.h"
#include "system/phase_clock.h"

namespace pagestore {

Status Tracee::spawn(SharedStore* store, const SpawnOptions& options, const TrackerKind* wanted,
                     std::unique_ptr<Tracee>* tracee) {
  if (Status status = store->open_tables(kTableBytes); !status.is_ok()) return status;
  std::unique_ptr<Tracee> made(new (std::nothrow) Tracee(store));
  if (!made) return Status::out_of_memory("new", sizeof(Tracee), ENOMEM);
  LaunchOptions launch_options = options.launch;
  if (options.shares_processor) launch_options.processor = made->processor_.take();
  if (Status status = launch(launch_options, &made->process_); !status.is_ok()) return status;
  if (Status status = made->memory_.begin(wanted); !status.is_ok()) return status;
  *tracee = std::move(made);
  return Status::ok();
}

Status Tracee::attach(SharedStore* store, pid_t pid, const TrackerKind* wanted, std::unique_ptr<Tracee>* tracee) {
  if (Status status = store->open_tables(kTableBytes); !status.is_ok()) return status;
  std::unique_ptr<Tracee> made(new (std::nothrow) Tracee(store));
  if (!made) return Status::out_of_memory("new", sizeof(Tracee), ENOMEM);
  if (Status status = made->process_.attach(pid); !status.is_ok()) return status;
  if (Status status = made->memory_.begin(wanted); !status.is_ok()) return status;
  *tracee = std::move(made);
  return Status::ok();
}

Status Tracee::regions(const RegionList** regions) {
  if (Status status = process_.check(); !status.is_ok()) return status;
  *regions = &memory_.regions();
  return memory_.read_mappings();
}

Status Tracee::capture(Snapshot* snapshot) {
  const RegionList* regions;
  GrowingArray<std::byte> state;
  if (Status status = this->regions(&regions); !status.is_ok()) return status;
  if (Status status = save_state(process_, memory_, &state); !status.is_ok()) return status;
  const std::span<const std::byte> saved(state.data(), state.size());

  const SharedStore::Lock stores(*store_);
  OwnedTree tree;
  uint64_t pages;
  Status status = memory_.capture(*stores, captured_.tree(), captured_.pages(), &tree, &pages);
  if (!status.is_ok()) return status;
  const InPhase phase(Phase::key);
  LiveState live;
  status = describe(process_, *regions, threads_of(saved), *stores, tree.get(), captured_.masks().tracks(), &live);
  if (!status.is_ok()) return status;
  const SnapshotParts parts{regions->bytes(), saved, {live.bytes.data(), live.bytes.size()}, live.recognition()};
  OwnedSnapshot made;
  status = captured_.commit(*stores, std::move(tree), pages, parts, &made);
  if (!status.is_ok()) return status;
  status = memory_.mark_known();
  if (status.is_ok()) status = memory_.protect_steady();
  if (status.is_ok()) {
    *snapshot = made.take();
  } else {
    // What was told to the kernel half-way is told again.
    memory_.mark_unknown();
  }
  return status;
}

Status Tracee::restore(const Snapshot& snapshot) {
  if (Status status = process_.check(); !status.is_ok()) return status;
  GrowingArray<std::byte> state, mappings;
  if (Status status = read(snapshot, &state, &mappings); !status.is_ok()) return status;
  SavedState saved;
  if (Status status = read_state({state.data(), state.size()}, &saved); !status.is_ok()) return status;
  if (Status status = check_state(process_, saved); !status.is_ok()) return status;
  Status status = restore_mappings({mappings.data(), mappings.size()}, saved.program_break);
  if (status.is_ok()) status = write_back(snapshot);
  if (status.is_ok()) status = load_state(process_, saved);
  if (!status.is_ok()) memory_.mark_unknown();
  return status;
}

Status Tracee::read(const Snapshot& snapshot, GrowingArray<std::byte>* state, GrowingArray<std::byte>* mappings) const {
  const SharedStore::Lock stores(*store_);
  const uint64_t length = stored_length(*stores, snapshot.threads);
  if (!state->resize(length)) return Status::out_of_memory("realloc", length, ENOMEM);
  read_stored_bytes(*stores, snapshot.threads, 0, {state->data(), length});
  return read_regions(*stores, snapshot.regions, mappings);
}

Status Tracee::restore_mappings(std::span<const std::byte> mappings, uint64_t program_break) {
  constexpr int kPasses = 3;
  for (int pass = 0; pass <= kPasses; ++pass) {
    if (Status status = memory_.read_mappings(); !status.is_ok()) return status;
    const Mappings now{memory_.regions().bytes(), memory_.program_break()}, wanted{mappings, program_break};
    const bool same_break = now.program_break == wanted.program_break;
    const bool same_regions =
        equal_bytes(now.regions, wanted.regions) || first_difference(now.regions, wanted.regions) == UINT64_MAX;
    if (same_break && same_regions) return Status::ok();
    if (pass == kPasses) break;
    if (Status status = undo_mappings(process_, now, wanted); !status.is_ok()) return status;
  }
  return Status::mapping(first_difference(memory_.regions().bytes(), mappings), 0);
}

Status Tracee::write_back(const Snapshot& snapshot) {
  const SharedStore::Lock stores(*store_);
  if (Status status = memory_.restore(*stores, captured_.tree(), snapshot.memory); !status.is_ok()) return status;
  OwnedTree tree;
  if (Status status = OwnedTree::ref(*stores, snapshot.memory, &tree); !status.is_ok()) return status;
  captured_.mark_restored(*stores, std::move(tree), snapshot.pages);
  return memory_.mark_known();
}

Status Tracee::read(uint64_t address, std::span<std::byte> bytes) const {
  const Status status = process_.check();
  return status.is_ok() ? process_.read(address, bytes.data(), bytes.size()) : status;
}

// All or nothing: what can be read can be written.
Status Tracee::write(uint64_t address, std::span<const std::byte> bytes) {
  GrowingArray<std::byte> before;
  if (!before.resize(bytes.size())) return Status::out_of_memory("realloc", bytes.size(), ENOMEM);
  const Status status = read(address, {before.data(), before.size()});
  return status.is_ok() ? process_.write(address, bytes.data(), bytes.size()) : status;
}

Status Tracee::registers(pid_t id, Registers* registers) const {
  TracedThread* thread;
  Registers* found;
  Status status = process_.check();
  if (status.is_ok()) status = process_.thread(id, &thread);
  if (status.is_ok()) status = thread->get_registers(&found);
  if (status.is_ok()) *registers = *found;
  return status;
}

Status Tracee::set_registers(pid_t id, const Registers& registers) {
  TracedThread* thread;
  Registers* found;
  Status status = process_.check();
  if (status.is_ok()) status = process_.thread(id, &thread);
  if (status.is_ok()) status = thread->get_registers(&found);
  if (!status.is_ok()) return status;
  const Registers before = *found;
  *found = registers;
  thread->changed();
  if (status = thread->flush(); status.is_ok()) return status;
  // What the processor does not take is not kept.
  *found = before;
  thread->changed();
  return status;
}

}  // namespace pagestore

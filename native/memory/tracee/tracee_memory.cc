#include "memory/tracee/tracee_memory.h"

#include "memory/tracee/page_reader.h"
#include "memory/tracee/page_writer.h"
#include "system/assert.h"
#include "system/phase_clock.h"

namespace pagestore {

Status TraceeMemory::begin(std::optional<TrackerKind> wanted) {
  if (Status status = tracker_.choose(wanted); !status.is_ok()) return status;
  return begin_program();
}

Status TraceeMemory::begin_program() {
  if (Status status = mappings_.open(); !status.is_ok()) return status;
  if (Status status = tracker_.begin(); !status.is_ok()) return status;
  program_ = process_.program();
  return Status::ok();
}

Status TraceeMemory::read_mappings() {
  const InPhase phase(Phase::mappings);
  if (process_.program() != program_) {
    if (Status status = begin_program(); !status.is_ok()) return status;
  }
  if (!process_.has_run()) return Status::ok();
  if (process_.has_unseen_changes()) mark_unknown();
  if (Status status = tracker_.add_new(process_.advised()); !status.is_ok()) return status;
  if (Status status = process_.find_given_up_memory(); !status.is_ok()) return status;
  const bool is_served = !process_.registered().served.empty();
  const bool may_differ = mappings_.read_size() || process_.has_changed_mappings() || is_served;
  if (!may_differ && tracker_.is_known()) return Status::ok();
  if (Status status = mappings_.read(); !status.is_ok()) return status;
  const Status status = tracker_.set_regions(mappings_.regions(), mappings_.listed());
  if (!status.is_ok()) mark_unknown();
  return status;
}

Status TraceeMemory::capture(PageStores& stores, Pages* pages) {
  PS_ASSERT(program_ == process_.program());
  GrowingArray<DirtyRange> dirty;
  if (Status status = tracker_.find(&dirty); !status.is_ok()) return status;
  tracker_.hot_pages().begin_round();
  const InPhase phase(Phase::store);
  PageReader reader(process_, tracker_, stores, captured_);
  for (const DirtyRange& range : dirty) {
    if (Status status = reader.take(range); !status.is_ok()) return status;
  }
  return reader.finish(&pages->tree, &pages->count);
}

Status TraceeMemory::commit(PageStores& stores, Pages pages, const SnapshotParts& parts, OwnedSnapshot* snapshot) {
  OwnedSnapshot made;
  Status status = captured_.commit(stores, std::move(pages.tree), pages.count, parts, &made);
  if (!status.is_ok()) return status;
  tracker_.hot_pages().end_round();
  status = tracker_.mark_known();
  if (status.is_ok()) status = tracker_.write_protect_cooled();
  if (status.is_ok()) {
    *snapshot = std::move(made);
  } else {
    mark_unknown();
  }
  return status;
}

Status TraceeMemory::restore(PageStores& stores, const Snapshot& snapshot) {
  PS_ASSERT(program_ == process_.program());
  OwnedTree tree;
  Status status = OwnedTree::ref(stores, snapshot.memory, &tree);
  if (status.is_ok()) status = tracker_.add_new(process_.freed().ranges());
  if (status.is_ok()) status = write(stores, snapshot.memory);
  if (status.is_ok()) {
    captured_.mark_restored(stores, std::move(tree), snapshot.pages);
    status = tracker_.mark_known();
  }
  if (status.is_ok()) process_.clear_freed();
  if (!status.is_ok()) mark_unknown();
  return status;
}

Status TraceeMemory::read(uint64_t address, std::span<std::byte> bytes) const {
  GrowingArray<AddressRange> existing;
  Pagemap fresh;
  // What is tracked is that of the program which the process was, until it is captured again.
  const bool is_other = process_.program() != program_;
  if (is_other) {
    if (Status status = Pagemap::open(process_.pid(), &fresh); !status.is_ok()) return status;
  }
  UntouchedPages pages(process_.live_thread(), is_other ? fresh : tracker_.pagemap(), tracker_.identities());
  if (Status status = pages.fill(address, bytes, &existing); !status.is_ok()) return status;
  for (const AddressRange& run : existing) {
    std::byte* const to = bytes.data() + (run.start - address);
    if (Status status = process_.read(RemoteAddress(run.start), to, run.length()); !status.is_ok()) return status;
  }
  return Status::ok();
}

Status TraceeMemory::write(PageStores& stores, const PageTree& target) {
  GrowingArray<DirtyRange> dirty;
  const RangeSet& closed = mappings_.closed();
  if (Status status = tracker_.find(&dirty); !status.is_ok()) return status;
  const InPhase phase(Phase::diff);
  PageWriter writer(process_, tracker_, stores, target);
  for (const DirtyRange& range : dirty) {
    if (!closed.overlapping(range.range).empty()) continue;  // all of it: no dirty range is of two regions
    if (Status status = writer.write(range); !status.is_ok()) return status;
  }
  if (tracker_.is_known()) {
    if (Status status = writer.write_differences(captured_.tree(), regions(), closed); !status.is_ok()) return status;
  }
  return writer.flush();
}

}  // namespace pagestore

#include "memory/tracee/tracee.h"

#include <cerrno>
#include <new>

#include "linux/thread_status.h"
#include "memory/tracee/live_state.h"
#include "memory/tracee/saved_signals.h"
#include "memory/tracee/saved_state.h"
#include "memory/tracee/saved_waits.h"
#include "memory/tracee/scratch.h"
#include "snapshot/stored_bytes.h"
#include "snapshot/stored_regions.h"
#include "system/phase_clock.h"

namespace pagestore {

Status Tracee::spawn(SharedStore* store, const SpawnOptions& options, std::optional<TrackerKind> wanted,
                     std::unique_ptr<Tracee>* tracee) {
  if (Status status = open_snapshot_stores(*store); !status.is_ok()) return status;
  std::unique_ptr<Tracee> made(new (std::nothrow) Tracee(store));
  if (!made) return Status::no_memory(sizeof(Tracee));
  LaunchOptions launch_options = options.launch;
  if (options.shares_processor) launch_options.processor = made->processor_.take();
  if (launch_options.processor) launch_options.first_processor = made->processor_.first();
  Status started = options.kept != nullptr ? options.kept->start(launch_options, &made->process_)
                                           : launch(launch_options, &made->process_);
  if (!started.is_ok()) return started;
  made->has_other_starts_ = made->process_.has_random_addresses() &&
                            (options.kept == nullptr || options.kept->has_other_addresses(made->process_));
  if (Status status = made->memory_.begin(wanted); !status.is_ok()) return status;
  if (Status status = made->files_.begin(options.files); !status.is_ok()) return status;
  if (options.may_lose_timers) made->timers_.allow_losses();
  *tracee = std::move(made);
  return Status::ok();
}

Status Tracee::attach(SharedStore* store, pid_t pid, const AttachOptions& options, std::unique_ptr<Tracee>* tracee) {
  if (Status status = open_snapshot_stores(*store); !status.is_ok()) return status;
  std::unique_ptr<Tracee> made(new (std::nothrow) Tracee(store));
  if (!made) return Status::no_memory(sizeof(Tracee));
  if (Status status = made->process_.attach(pid); !status.is_ok()) return status;
  if (Status status = made->memory_.begin(options.tracker); !status.is_ok()) return status;
  if (Status status = made->files_.begin(options.files); !status.is_ok()) return status;
  *tracee = std::move(made);
  return Status::ok();
}

Status Tracee::resume(const RunOptions& options, Stop* stop) {
  const Status status = process_.resume(options, stop);
  if (process_.has_ended()) files_.duplicates().close_all();
  return status;
}

Status Tracee::detach() {
  if (Status status = process_.detach(); !status.is_ok()) return status;
  files_.duplicates().close_all();
  return Status::ok();
}

void Tracee::kill() {
  process_.kill();
  files_.duplicates().close_all();
}

void Tracee::release(PageStores& stores) {
  files_.release(stores);
  stacks_.release(stores);
  RestorableMemory::release(stores);
}

Status Tracee::regions(const RegionList** regions) {
  if (Status status = process_.check(); !status.is_ok()) return status;
  if (Status status = process_.check_interface(); !status.is_ok()) return status;
  *regions = &memory_.regions();
  return memory_.read_mappings();
}

// A process that was killed meanwhile makes calls fail in many ways.
Status Tracee::explain(const Status& status) const {
  if (status.is_ok() || status.error() == Error::process_gone) return status;
  return is_dying(process_.pid(), process_.live_thread()) ? Status::process_gone(process_.pid(), "was killed") : status;
}

Status Tracee::capture(Snapshot* snapshot) {
  return explain(capture_all(snapshot));
}

Status Tracee::restore(const Snapshot& snapshot) {
  return explain(restore_all(snapshot));
}

Status Tracee::capture_all(Snapshot* snapshot) {
  const RegionList* regions;
  GrowingArray<std::byte> bytes, waits, files, file_key, signals, timers, children;
  SavedState saved;
  if (Status status = this->regions(&regions); !status.is_ok()) return status;
  if (Status status = process_.show_all_registers(); !status.is_ok()) return status;
  if (Status status = children_.read(memory_.mappings().scratch(), files_.is_restored()); !status.is_ok())
    return status;
  if (Status status = files_.read(memory_.mappings().scratch()); !status.is_ok()) return status;
  if (Status status = files_.capture(); !status.is_ok()) return status;
  if (Status status = see_mappings(); !status.is_ok()) return status;
  if (Status status = files_.monitor(memory_.mappings().scratch()); !status.is_ok()) return status;
  if (Status status = files_.save(&files); !status.is_ok()) return status;
  if (Status status = files_.append_key(&file_key); !status.is_ok()) return status;
  if (Status status = save_signals(process_, &signals); !status.is_ok()) return status;
  if (Status status = timers_.save(&timers); !status.is_ok()) return status;
  if (Status status = children_.save(&children); !status.is_ok()) return status;
  const SavedParts others{{files.data(), files.size()},
                          {signals.data(), signals.size()},
                          {timers.data(), timers.size()},
                          {children.data(), children.size()}};
  Status status = save_state(process_, memory_.program_break(), others, &bytes);
  if (!status.is_ok()) return status;
  if (status = save_waits(process_, &waits); !status.is_ok()) return status;
  const std::span<const std::byte> state(bytes.data(), bytes.size());
  if (status = read_state(state, &saved); !status.is_ok()) return status;

  const LockedStores stores(*store_);
  const Saved parts{saved, state, {waits.data(), waits.size()}, {file_key.data(), file_key.size()}, *regions};
  status = store_captured(*stores, parts, snapshot);
  if (!status.is_ok()) files_.duplicates().sweep(*stores);
  return status;
}

Status Tracee::store_captured(PageStores& stores, const Saved& saved, Snapshot* snapshot) {
  TraceeMemory::Pages pages;
  OwnedTree needed, contents;
  if (Status status = files_.keep(stores, &needed, &contents); !status.is_ok()) return status;
  if (Status status = memory_.capture(stores, &pages); !status.is_ok()) return status;
  const InPhase phase(Phase::key);
  stacks_.set_mappings(memory_.mappings());
  const bool has_tracked = captured_.masks().has_tracked_ranges();
  LiveState live;
  const CapturedTracee captured{process_, saved.regions,    saved.state,    stacks_,
                                stores,   pages.tree.get(), saved.file_key, has_tracked};
  if (Status status = describe(captured, &live); !status.is_ok()) return status;
  SnapshotParts parts{.regions = saved.regions.bytes(),
                      .threads = saved.bytes,
                      .waits = saved.waits,
                      .live = {live.bytes.data(), live.bytes.size()},
                      .recognition = live.recognition()};
  Status status = counted_regions_.find(saved.regions, memory_.mappings().readings(), live.dead_stack, &parts.counted);
  if (!status.is_ok()) return status;
  OwnedSnapshot made;
  if (status = memory_.commit(stores, std::move(pages), parts, &made); !status.is_ok()) return status;
  *snapshot = made.take();
  snapshot->files = needed.take();
  snapshot->contents = contents.take();
  snapshot->file_event = process_.file_changes().last_event();
  std::swap(declared_, live.ranges.tracked);
  return Status::ok();
}

namespace {

// Whether what was refused may be had a moment later: memory, a descriptor, a request.
bool is_of_the_moment(const Status& status) {
  const Error error = status.error();
  return error == Error::out_of_memory || error == Error::process_memory || error == Error::tracee;
}

}  // namespace

Status Tracee::restore_all(const Snapshot& snapshot) {
  if (Status status = process_.check(); !status.is_ok()) return status;
  if (Status status = process_.check_interface(); !status.is_ok()) return status;
  Parts parts;
  if (Status status = read_parts(snapshot, &parts); !status.is_ok()) return status;
  SavedState saved;
  if (Status status = read_state({parts.state.data(), parts.state.size()}, &saved); !status.is_ok()) return status;
  if (Status status = check_state(process_, saved); !status.is_ok()) return status;
  const Mappings mappings{{parts.mappings.data(), parts.mappings.size()}, saved.program_break};
  Kept kept;
  if (Status status = check_possible(snapshot, mappings, saved, &kept); !status.is_ok()) return status;
  if (Status status = restore_files(snapshot, saved); !status.is_ok()) return status;
  const std::optional<RemoteAddress> scratch = memory_.mappings().scratch();
  // Until all is put back there may be those that are, and those that shall be.
  process_.set_growing(around(process_.growing(), saved.growing));
  Status status = children_.undo(saved.parts.children, scratch);
  // Signals of timers that go wait no longer.
  if (status.is_ok() && !kept.signals) status = timers_.restore(saved.parts.timers, scratch.value_or(RemoteAddress()));
  if (status.is_ok() && !kept.signals) {
    status = restore_signals(process_, saved.parts.signals, scratch.value_or(RemoteAddress()));
  }
  if (status.is_ok()) {
    status = put_back(snapshot, mappings, saved, kept);
    // With half of it the program could not run on. What was refused once is tried again.
    if (is_of_the_moment(status)) {
      memory_.mark_unknown();
      status = put_back(snapshot, mappings, saved, kept);
    }
  }
  if (status.is_ok()) status = load_waits(process_, {parts.waits.data(), parts.waits.size()});
  if (status.is_ok()) status = see_mappings();
  if (!status.is_ok()) memory_.mark_unknown();
  if (status.is_ok()) children_.warn(snapshot.file_event);
  return status;
}

Status Tracee::see_mappings() {
  return files_.see_mappings(memory_.regions().bytes(), memory_.mappings().readings());
}

Status Tracee::read_parts(const Snapshot& snapshot, Parts* parts) const {
  const LockedStores stores(*store_);
  Status status = read_stored_bytes(*stores, snapshot.threads, &parts->state);
  if (status.is_ok()) status = read_stored_bytes(*stores, snapshot.waits, &parts->waits);
  return status.is_ok() ? read_regions(*stores, snapshot.regions, &parts->mappings) : status;
}

// What is written through them is not seen.
void Tracee::warn_of_shared_files() {
  RegionReader reader(memory_.regions().bytes());
  Region region;
  while (reader.next(&region)) {
    const bool is_written = region.permissions[1] == 'w' && region.permissions[3] == 's' && !region.is_captured;
    const bool is_file = region.file.inode != 0 && !region.path.starts_with("/dev/");
    if (is_written && is_file) return files_.warn_of_left(region.path);
  }
}

// What would be found only after files were put back.
Status Tracee::check_possible(const Snapshot& snapshot, const Mappings& wanted, const SavedState& saved, Kept* kept) {
  if (Status status = memory_.read_mappings(); !status.is_ok()) return status;
  const Mappings now{memory_.regions().bytes(), memory_.program_break()};
  if (Status status = children_.read(memory_.mappings().scratch(), files_.is_restored()); !status.is_ok())
    return status;
  if (Status status = children_.check(saved.parts.children, snapshot.file_event); !status.is_ok()) return status;
  // Equal bytes are the common case, and cheap to find.
  const bool is_same = equal_bytes(now.regions, wanted.regions);
  Status status = is_same ? Status::ok() : check_mappings(process_.live_thread(), now, wanted);
  if (status.is_ok() && !(is_same && memory_.mappings().closed().empty())) {
    const LockedStores stores(*store_);
    status = closed_.check(*stores, snapshot.memory, now, wanted, &kept->closed);
  }
  if (!status.is_ok()) return status;
  const RemoteAddress scratch = memory_.mappings().scratch().value_or(RemoteAddress());
  bool has_timers = false;
  if (status = timers_.check(saved.parts.timers, scratch, &has_timers); !status.is_ok()) return status;
  status = check_signals(process_, saved.parts.signals, scratch, &kept->signals);
  kept->signals = kept->signals && has_timers;
  return status;
}

// Refused before anything is changed, or else only half-way if the kernel refuses a call.
Status Tracee::restore_files(const Snapshot& snapshot, const SavedState& saved) {
  const std::optional<RemoteAddress> scratch = memory_.mappings().scratch();
  warn_of_shared_files();
  return files_.restore({saved.parts.files, snapshot.files, snapshot.contents, snapshot.file_event},
                        scratch.value_or(RemoteAddress()));
}

Status Tracee::put_back(const Snapshot& snapshot, const Mappings& mappings, const SavedState& saved, const Kept& kept) {
  Status status = restore_mappings(mappings);
  if (status.is_ok()) status = process_.put_back_threads();
  if (status.is_ok()) status = restore_memory(snapshot, kept.closed);
  if (status.is_ok()) status = load_state(process_, saved);
  return status.is_ok() ? process_.put_back_threads() : status;
}

Status Tracee::restore_mappings(const Mappings& wanted) {
  constexpr int kPasses = 3;
  for (int pass = 0;; ++pass) {
    if (Status status = memory_.read_mappings(); !status.is_ok()) return status;
    const Mappings now{memory_.regions().bytes(), memory_.program_break()};
    const bool is_same_break = now.program_break == wanted.program_break;
    if (is_same_break && equal_bytes(now.regions, wanted.regions)) return Status::ok();
    const std::optional<uint64_t> difference = first_difference(now.regions, wanted.regions);
    if (is_same_break && !difference) return Status::ok();
    if (pass == kPasses) return Status::mapping(difference.value_or(wanted.program_break), 0);
    if (Status status = undo_mappings(process_, now, wanted); !status.is_ok()) return status;
  }
}

Status Tracee::restore_memory(const Snapshot& snapshot, bool keeps_closed) {
  const LockedStores stores(*store_);
  const Status status = memory_.restore(*stores, snapshot);
  if (!status.is_ok() || keeps_closed || memory_.mappings().closed().empty()) return status;
  return closed_.write(*stores, snapshot.memory, {memory_.regions().bytes(), memory_.program_break()});
}

Status Tracee::read(uint64_t address, std::span<std::byte> bytes) const {
  if (Status status = process_.check(); !status.is_ok()) return status;
  return memory_.read(address, bytes);
}

// All or nothing: what can be read can be written.
Status Tracee::write(uint64_t address, std::span<const std::byte> bytes) {
  GrowingArray<std::byte> there;
  if (!there.resize(bytes.size())) return Status::no_memory(bytes.size());
  if (Status status = read(address, {there.data(), there.size()}); !status.is_ok()) return status;
  return process_.write(RemoteAddress(address), bytes.data(), bytes.size());
}

Status Tracee::registers(std::optional<pid_t> id, Registers* registers) const {
  TracedThread* thread;
  Registers* found;
  if (Status status = find_registers(id, &thread, &found); !status.is_ok()) return status;
  *registers = *found;
  return Status::ok();
}

Status Tracee::find_registers(std::optional<pid_t> id, TracedThread** thread, Registers** registers) const {
  if (Status status = process_.check(); !status.is_ok()) return status;
  if (Status status = process_.thread(id, thread); !status.is_ok()) return status;
  return (*thread)->get_registers(registers);
}

Status Tracee::set_registers(std::optional<pid_t> id, const Registers& registers) {
  TracedThread* thread;
  Registers* found;
  if (Status status = find_registers(id, &thread, &found); !status.is_ok()) return status;
  const Registers before = *found;
  if (thread->is_hidden_register_unknown() && registers.hidden_register() != before.hidden_register()) {
    return Status::system(Error::tracee, "x7 at the entry of a call, which the kernel hides (PTRACE_SYSCALL)", ENOTSUP);
  }
  thread->forget_interruption();
  thread->wait().reset();
  thread->clock_wait().reset();
  *found = registers;
  thread->mark_registers_dirty();
  Status status = thread->flush_registers();
  if (status.is_ok()) return status;
  // What the processor does not take is not kept.
  *found = before;
  thread->mark_registers_dirty();
  return status;
}

}  // namespace pagestore

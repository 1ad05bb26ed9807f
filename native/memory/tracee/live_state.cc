#include "memory/tracee/live_state.h"

#include <cstring>

#include "memory/tracee/kernel_timers.h"
#include "memory/tracee/saved_signals.h"
#include "ptrace/trap.h"
#include "snapshot/stored_bytes.h"

namespace pagestore {

namespace {

Status put_bytes(std::span<const std::byte> part, GrowingArray<std::byte>* bytes) {
  return bytes->append(part) ? Status::ok() : Status::no_memory(part.size());
}

template <typename T>
Status put(const T& value, GrowingArray<std::byte>* bytes) {
  return put_bytes(std::as_bytes(std::span(&value, 1)), bytes);
}

Status add(const AddressRange& range, GrowingArray<AddressRange>* ranges) {
  return ranges->append(range) ? Status::ok() : Status::no_memory(sizeof(range));
}

// Why a thread stopped, as far as it counts.
struct StopKey {
  question::Kind question = question::Kind::none;
  uint8_t has_faulting_counter = 0;
  uint8_t unused[6] = {};
  int64_t alternatives = 0;
  uint64_t line = 0;
};

// A file name of the program's, up to 255 characters.
Status put_file_name(const CapturedTracee& tracee, uint64_t address, GrowingArray<std::byte>* bytes) {
  std::byte text[256];
  if (Status status = read_memory(tracee.stores, tracee.memory, address, text); !status.is_ok()) return status;
  const size_t length = strnlen(reinterpret_cast<const char*>(text), sizeof(text) - 1);
  return put_bytes({text, length + 1}, bytes);
}

Status put_stop(const CapturedTracee& tracee, const ThreadState& state, GrowingArray<std::byte>* bytes) {
  StopKey key;
  key.question = state.question;
  key.has_faulting_counter = state.has_faulting_counter;
  if (state.question != question::Kind::choice) return put(key, bytes);
  key.alternatives = state.alternatives;
  key.line = state.line;
  if (Status status = put(key, bytes); !status.is_ok()) return status;
  return put_file_name(tracee, state.file.value(), bytes);
}

// How much is left of a wait by the kept clock, and its turn among others.
struct WaitKey {
  int64_t left = 0;
  uint64_t turn = 0;
};

Status put_wait(const ThreadState& state, int64_t elapsed, GrowingArray<std::byte>* bytes) {
  return put(state.wait_turn == 0 ? WaitKey{} : WaitKey{state.wait_end - elapsed, state.wait_turn}, bytes);
}

Status put_registers(const ThreadReader& thread, GrowingArray<std::byte>* bytes) {
  const ThreadState& state = thread.state();
  if (Status status = put(state.blocked_signals, bytes); !status.is_ok()) return status;
  if (state.question == question::Kind::choice) {
    if (Status status = put(state.registers.kept_by_calls(), bytes); !status.is_ok()) return status;
    if (Status status = put(Registers::kept_vectors(thread.vectors()), bytes); !status.is_ok()) return status;
    return put(protection_keys(thread.vectors()), bytes);
  }
  if (Status status = put(state.registers, bytes); !status.is_ok()) return status;
  return put_bytes(thread.vectors(), bytes);
}

// Where a choice says that nothing is in use below the stack pointer, that much is certain: the red zone of the
// function that chooses. What lies deeper may be no stack.
Status ignore_red_zone(const ThreadState& state, GrowingArray<AddressRange>* ignored) {
  const Registers registers(state.registers);
  const uint64_t stack = registers.stack();
  const bool is_dead = Registers::kRedZone > 0 && stack >= Registers::kRedZone &&
                       state.question == question::Kind::choice && registers.call().arguments[3] == trap::kNothingBelow;
  return is_dead ? add({stack - Registers::kRedZone, stack}, ignored) : Status::ok();
}

}  // namespace

Status describe(const CapturedTracee& tracee, LiveState* live) {
  const TracedProcess& process = tracee.process;
  const DeclaringMemory memory{tracee.stores, tracee.memory, tracee.regions};
  for (const RemoteAddress declarations : process.declarers().all()) {
    Status status = read_declared_ranges(memory, declarations.value(), &live->ranges);
    if (!status.is_ok()) return status;
  }
  const bool has_tracked = tracee.has_tracked_ranges || !live->ranges.tracked.empty();
  const bool ends = process.last_stop().kind == StopKind::exit;
  live->is_at_end = ends;
  Status status = ends ? put(process.last_stop().value, &live->bytes) : Status::ok();
  if (status.is_ok() && !has_tracked) status = put(tracee.saved.program_break, &live->bytes);
  if (status.is_ok() && !has_tracked) status = put(tracee.saved.elapsed, &live->bytes);
  if (status.is_ok() && !has_tracked) status = put(tracee.saved.alarm, &live->bytes);
  if (status.is_ok() && !has_tracked) status = put_bytes(tracee.files, &live->bytes);
  if (status.is_ok() && !has_tracked && !ends) {
    status = append_signal_key(process, tracee.saved.parts.signals, &live->bytes);
    if (status.is_ok()) status = KernelTimers::append_key(process, tracee.saved.parts.timers, &live->bytes);
  }
  if (status.is_ok()) status = tracee.stacks.prepare(tracee.saved.threads, tracee.stores, tracee.memory);
  for (ThreadReader thread(tracee.saved.threads); thread.next() && status.is_ok();) {
    DeadStack dead;
    status = tracee.stacks.find(thread.state(), tracee.stores, tracee.memory, &dead);
    if (thread.state().thread == process.pid()) live->dead_stack = dead.own;
    for (const AddressRange& range : {dead.own, dead.alternate}) {
      if (status.is_ok() && range.length() > 0) status = add(range, &live->ranges.ignored);
    }
    for (const Leftovers& each : dead.leftovers) {
      for (const AddressRange& range : each.ranges()) {
        if (status.is_ok()) status = add(range, &live->ranges.ignored);
      }
    }
    if (ends) continue;
    if (status.is_ok()) status = ignore_red_zone(thread.state(), &live->ranges.ignored);
    if (status.is_ok()) status = put_stop(tracee, thread.state(), &live->bytes);
    if (status.is_ok() && !has_tracked) status = put_registers(thread, &live->bytes);
    if (status.is_ok() && !has_tracked) status = put_wait(thread.state(), tracee.saved.elapsed, &live->bytes);
  }
  // In another run the kernel gives the threads other ids. The program says where they are, and may say anything.
  for (const TracedThread* thread : process.threads()) {
    AddressRange id;
    if (!thread->id_address() || !status.is_ok()) continue;
    if (!range_of(thread->id_address()->value(), sizeof(int32_t), &id).is_ok()) continue;
    status = add(id, &live->ranges.ignored);
  }
  return status;
}

}  // namespace pagestore

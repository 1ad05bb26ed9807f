#include "memory/tracee/saved_state.h"

#include <cerrno>
#include <cstring>

#include "system/assert.h"
#include "system/phase_clock.h"

namespace pagestore {

namespace {

struct Header {
  uint64_t program_break = 0, file_bytes = 0, signal_bytes = 0, timer_bytes = 0, child_bytes = 0;
  int64_t elapsed = 0;
  KeptAlarm alarm;
  uint32_t program = 0;
  pid_t last = 0;
  Stop stop;
  AddressRange growing{};
  uint64_t declarers = 0;  // whose addresses follow
};

bool has_thread(const TracedProcess& process, pid_t id) {
  for (const TracedThread* thread : process.threads()) {
    if (thread->id() == id && !thread->has_ended()) return true;
  }
  return false;
}

bool has_thread(const SavedState& state, pid_t id) {
  for (ThreadReader reader(state.threads); reader.next();) {
    if (reader.state().thread == id) return true;
  }
  return false;
}

// Of waits by the kept clock only their order counts, and not how many there were before. One that was about to end
// waits for its turn again, as it will after a rollback.
void number_waits(const TracedProcess& process) {
  std::optional<ClockWait> last;
  for (uint64_t turn = 1;; ++turn) {
    ClockWait* next = nullptr;
    for (TracedThread* thread : process.threads()) {
      auto& wait = thread->clock_wait();
      const bool is_left = !thread->has_ended() && wait && (!last || last->is_before(*wait));
      if (is_left && (next == nullptr || wait->is_before(*next))) next = &*wait;
    }
    if (next == nullptr) return;
    last.emplace(*next);
    next->turn = turn;
    next->is_over = false;
  }
}

}  // namespace

bool ThreadReader::next() {
  if (bytes_.size() < sizeof(state_)) return false;
  memcpy(&state_, bytes_.data(), sizeof(state_));
  PS_ASSERT(bytes_.size() >= sizeof(state_) + state_.vector_bytes);
  vectors_ = bytes_.subspan(sizeof(state_), state_.vector_bytes);
  bytes_ = bytes_.subspan(sizeof(state_) + state_.vector_bytes);
  return true;
}

Status save_state(const TracedProcess& process, uint64_t program_break, const SavedParts& parts,
                  GrowingArray<std::byte>* bytes) {
  const InPhase phase(Phase::registers);
  Header header;
  header.program_break = program_break;
  const auto declarers = process.declarers().all();
  if (process.declarers().are_too_many()) {
    return Status::system(Error::tracee, "a program in which more than 64 copies of pagestore.h declare", E2BIG);
  }
  header.declarers = declarers.size();
  header.growing = process.growing();
  header.elapsed = process.elapsed();
  header.alarm = process.alarm();
  header.file_bytes = parts.files.size();
  header.signal_bytes = parts.signals.size();
  header.timer_bytes = parts.timers.size();
  header.child_bytes = parts.children.size();
  header.program = process.program();
  header.last = process.last_thread();
  header.stop = process.last_stop();
  if (!bytes->append(std::as_bytes(std::span(&header, 1))) || !bytes->append(std::as_bytes(declarers)) ||
      !bytes->append(parts.files) || !bytes->append(parts.signals) || !bytes->append(parts.timers) ||
      !bytes->append(parts.children)) {
    return Status::no_memory(sizeof(header) + declarers.size_bytes() + parts.files.size() + parts.signals.size() +
                             parts.timers.size() + parts.children.size());
  }
  number_waits(process);
  for (TracedThread* thread : process.threads()) {
    if (thread->has_ended()) continue;
    if (thread->is_inside_vfork()) {
      return Status::system(Error::tracee, "capturing a thread that is in the middle of vfork", EBUSY);
    }
    if (Status status = process.save_thread(*thread, bytes); !status.is_ok()) return status;
  }
  return Status::ok();
}

Status read_state(std::span<const std::byte> bytes, SavedState* state) {
  Header header;
  if (bytes.size() < sizeof(header)) return Status::system(Error::tracee, "a snapshot of something else", EINVAL);
  memcpy(&header, bytes.data(), sizeof(header));
  bytes = bytes.subspan(sizeof(header));
  *state = {header.program,
            header.program_break,
            header.growing,
            header.stop,
            header.last,
            {},
            header.elapsed,
            header.alarm,
            {},
            {}};
  for (uint64_t i = 0; i < header.declarers; ++i) {
    RemoteAddress address;
    PS_ASSERT(bytes.size() >= sizeof(address));
    memcpy(&address, bytes.data(), sizeof(address));
    bytes = bytes.subspan(sizeof(address));
    state->declarers.add(address);
  }
  state->parts.files = bytes.first(header.file_bytes);
  bytes = bytes.subspan(header.file_bytes);
  state->parts.signals = bytes.first(header.signal_bytes);
  bytes = bytes.subspan(header.signal_bytes);
  state->parts.timers = bytes.first(header.timer_bytes);
  bytes = bytes.subspan(header.timer_bytes);
  state->parts.children = bytes.first(header.child_bytes);
  state->threads = bytes.subspan(header.child_bytes);
  return Status::ok();
}

Status check_state(const TracedProcess& process, const SavedState& state) {
  if (state.program != process.program()) return Status::process_gone(process.pid(), "became another program");
  for (ThreadReader reader(state.threads); reader.next();) {
    if (!has_thread(process, reader.state().thread)) return Status::threads(reader.state().thread, "has ended");
  }
  for (ThreadReader reader(state.threads); reader.next();) {
    TracedThread* thread;
    if (Status status = process.thread(reader.state().thread, &thread); !status.is_ok()) return status;
    if (thread->is_running()) continue;
    if (Status status = thread->check_registers(reader.state().registers); !status.is_ok()) return status;
  }
  for (const TracedThread* thread : process.threads()) {
    if (thread->has_ended()) continue;
    if (thread->is_inside_vfork()) {
      return Status::system(Error::tracee, "restoring a thread that is in the middle of vfork", EBUSY);
    }
    if (!has_thread(state, thread->id())) return Status::threads(thread->id(), "was started");
  }
  return Status::ok();
}

Status load_state(TracedProcess& process, const SavedState& state) {
  const InPhase phase(Phase::registers);
  for (ThreadReader reader(state.threads); reader.next();) {
    TracedThread* thread;
    if (Status status = process.thread(reader.state().thread, &thread); !status.is_ok()) return status;
    if (Status status = thread->load(reader.state(), reader.vectors()); !status.is_ok()) return status;
  }
  process.set_clock(state.elapsed, state.alarm);
  process.set_growing(state.growing);
  process.set_last_stop(state.stop, state.last, state.declarers);
  return Status::ok();
}

}  // namespace pagestore

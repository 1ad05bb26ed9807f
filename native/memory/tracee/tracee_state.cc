#include "memory/tracee/tracee_state.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "snapshot/stored_bytes.h"
#include "system/phase_clock.h"

namespace pagestore {

namespace {

struct Header {
  uint64_t program_break = 0, declarations = 0;
  uint32_t program = 0;
  pid_t last = 0;
  Stop stop;
};

Status no_memory(size_t bytes) {
  return Status::out_of_memory("realloc", bytes, ENOMEM);
}

template <typename T>
Status put(const T& value, GrowingArray<std::byte>* bytes) {
  return bytes->append(std::as_bytes(std::span(&value, 1))) ? Status::ok() : no_memory(sizeof(value));
}

Status put_bytes(std::span<const std::byte> part, GrowingArray<std::byte>* bytes) {
  return bytes->append(part) ? Status::ok() : no_memory(part.size());
}

// Goes over the threads that bytes hold.
class ThreadReader {
 public:
  explicit ThreadReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  bool next() {
    if (bytes_.size() < sizeof(state)) return false;
    memcpy(&state, bytes_.data(), sizeof(state));
    vectors = bytes_.subspan(sizeof(state), state.vector_bytes);
    bytes_ = bytes_.subspan(sizeof(state) + state.vector_bytes);
    return true;
  }

  ThreadState state;
  std::span<const std::byte> vectors;

 private:
  std::span<const std::byte> bytes_;
};

bool has_thread(const TracedProcess& process, pid_t id) {
  for (const TracedThread* thread : process.threads()) {
    if (thread->id() == id && thread->place != Place::ended) return true;
  }
  return false;
}

}  // namespace

Status save_state(const TracedProcess& process, const TraceeMemory& memory, GrowingArray<std::byte>* bytes) {
  const InPhase phase(Phase::registers);
  Header header;
  header.program_break = memory.program_break();
  header.declarations = process.declarations();
  header.program = process.program();
  header.last = process.last();
  header.stop = process.last_stop();
  Status status = put(header, bytes);
  for (TracedThread* thread : process.threads()) {
    if (!status.is_ok()) break;
    if (thread->place == Place::inside) {
      return Status::system(Error::tracee, "capturing a thread that is in the middle of vfork", EBUSY);
    }
    if (thread->place != Place::ended) status = thread->save(bytes);
  }
  return status;
}

Status read_state(std::span<const std::byte> bytes, SavedState* state) {
  Header header;
  if (bytes.size() < sizeof(header)) return Status::system(Error::tracee, "a snapshot of something else", EINVAL);
  memcpy(&header, bytes.data(), sizeof(header));
  state->program = header.program;
  state->program_break = header.program_break;
  state->stop = header.stop;
  state->last = header.last;
  state->declarations = header.declarations;
  state->threads = threads_of(bytes);
  return Status::ok();
}

std::span<const std::byte> threads_of(std::span<const std::byte> state) {
  return state.subspan(sizeof(Header));
}

Status check_state(const TracedProcess& process, const SavedState& state) {
  if (state.program != process.program()) return Status::process_gone(process.pid(), "became another program");
  size_t found = 0;
  ThreadReader reader(state.threads);
  for (; reader.next(); ++found) {
    if (!has_thread(process, reader.state.thread)) return Status::threads(reader.state.thread, "has ended");
  }
  for (const TracedThread* thread : process.threads()) {
    if (thread->place == Place::ended) continue;
    if (thread->place == Place::inside) {
      return Status::system(Error::tracee, "restoring a thread that is in the middle of vfork", EBUSY);
    }
    bool is_known = false;
    for (ThreadReader known(state.threads); known.next();) is_known = is_known || known.state.thread == thread->id();
    if (!is_known) return Status::threads(thread->id(), "was started");
  }
  return Status::ok();
}

Status load_state(TracedProcess& process, const SavedState& state) {
  const InPhase phase(Phase::registers);
  for (ThreadReader reader(state.threads); reader.next();) {
    TracedThread* thread;
    if (Status status = process.thread(reader.state.thread, &thread); !status.is_ok()) return status;
    if (Status status = thread->load(reader.state, reader.vectors); !status.is_ok()) return status;
  }
  process.stands_again(state.stop, state.last, state.declarations);
  return Status::ok();
}

namespace {

// Below the stack pointer, where the lower end is known: the first thread's stack, and a mapping with a
// guard of its own below it and the thread's area above. Another stack may lie among what lives.
bool find_dead_stack(const RegionList& regions, Registers registers, AddressRange* dead) {
  const uint64_t end = registers.stack() - Registers::kRedZone;
  RegionReader reader(regions.bytes());
  Region region, below{};
  while (reader.next(&region)) {
    if (region.start <= end && end < region.end) {
      const bool is_guarded = below.end == region.start && memcmp(below.permissions, "---p", 4) == 0 &&
                              region.path.empty() && below.path.empty();
      // Where the C library puts a thread's own data: at the upper end of its stack.
      const bool has_thread_area = end < registers.thread_area() && registers.thread_area() < region.end;
      *dead = {region.start, end};
      return end > region.start && (region.path == "[stack]" || (is_guarded && has_thread_area));
    }
    below = region;
  }
  return false;
}

Status add(const AddressRange& range, GrowingArray<AddressRange>* ranges) {
  return ranges->append(range) ? Status::ok() : no_memory(sizeof(range));
}

// A string of the program's, up to 255 characters.
Status put_text(uint64_t address, PageStores& stores, const PageTree& memory, GrowingArray<std::byte>* bytes) {
  std::byte text[256];
  read_memory(stores, memory, address, text);
  const size_t length = strnlen(reinterpret_cast<const char*>(text), sizeof(text) - 1);
  return put_bytes({text, length + 1}, bytes);
}

// Where a thread stands, as it counts.
struct Standing {
  Offer offer = Offer::none;
  uint8_t unused[7] = {};
  int64_t value = 0;
  uint64_t line = 0;
};

}  // namespace

Status describe(const TracedProcess& process, const RegionList& regions, std::span<const std::byte> saved,
                PageStores& stores, const PageTree& memory, bool tracks, LiveState* live) {
  Status status = Status::ok();
  if (process.declarations() != 0) status = read_declared_ranges(stores, memory, process.declarations(), &live->ranges);
  tracks = tracks || !live->ranges.tracked.empty();
  const bool ends = process.last_stop().kind == StopKind::exit;
  if (ends) status = put(process.last_stop().value, &live->bytes);
  for (ThreadReader reader(saved); reader.next() && status.is_ok();) {
    ThreadState& state = reader.state;
    const bool chooses = state.offer == Offer::choice;
    AddressRange dead;
    if (find_dead_stack(regions, state.registers, &dead)) status = add(dead, &live->ranges.ignored);
    if (!status.is_ok() || ends) continue;
    Standing standing;
    standing.offer = state.offer;
    if (chooses) standing.value = state.ways, standing.line = state.line;
    status = put(standing, &live->bytes);
    if (status.is_ok() && chooses) status = put_text(state.file, stores, memory, &live->bytes);
    if (!status.is_ok() || tracks) continue;
    if (chooses) {
      status = put(state.registers.kept_by_calls(), &live->bytes);
    } else {
      status = put(state.registers, &live->bytes);
      if (status.is_ok()) status = put(state.blocked_signals, &live->bytes);
      if (status.is_ok()) status = put_bytes(reader.vectors, &live->bytes);
    }
  }
  for (const TracedThread* thread : process.threads()) {
    if (thread->id_address == 0 || !status.is_ok()) continue;
    status = add({thread->id_address, thread->id_address + sizeof(int32_t)}, &live->ranges.ignored);
  }
  return status;
}

}  // namespace pagestore

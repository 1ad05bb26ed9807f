// What the facade's LocalMemory, ProcessMemory and Tracee have in common.
//
// Memory of this process lies where its owner says at each call, since it may have grown: in a Uint8Array behind the
// other arguments, and behind that, in another one, the bytes beside it, if there are any.
#include "memory/memory.h"

#include <algorithm>
#include <cinttypes>
#include <cstring>

#include "binding/function.h"
#include "binding/tables.h"
#include "memory/local_memory.h"
#include "memory/process_memory.h"
#include "memory/tracee/tracee.h"

namespace pagestore::binding {

namespace {

struct Location {
  LocalBytes bytes;
  std::span<std::byte> beside;
};

// Where memory of this process lies now, if argument `i` says so.
std::optional<Location> location(const Arguments& arguments, size_t i) {
  if (!arguments.has(i)) return std::nullopt;
  const auto bytes = arguments.bytes(i);
  const bool has_beside = i + 1 < Arguments::kMost && arguments.has(i + 1);
  const auto beside = has_beside ? arguments.bytes(i + 1) : std::span<std::byte>{};
  if (beside.size() % page_size() != 0) fail(code::argument_type, "bytes beside a memory are whole pages");
  return Location{{bytes.data(), bytes.size(), arguments.is_shared(i)}, beside};
}

MemoryEntry& memory_at(const Arguments& arguments, size_t i, const std::optional<Location>& location) {
  MemoryEntry& entry = arguments.memory(i);
  if (entry.memory->kind() == Memory::Kind::local) {
    if (!location) fail(code::argument_type, "where is the memory? A Uint8Array is expected");
    static_cast<LocalMemory&>(*entry.memory).locate(location->bytes, location->beside);
  }
  return entry;
}

// Whether snapshots take a region.
bool is_captured(const Memory& memory, const Region& region) {
  if (memory.kind() == Memory::Kind::process) return static_cast<const ProcessMemory&>(memory).is_captured(region);
  return region.is_captured;
}

// Names the mapping that a range which makes the state lies in, at its first byte that is not captured.
[[noreturn]] void fail_for_state(Memory& memory, const Status& status) {
  const RegionList* regions;
  if (!memory.regions(&regions).is_ok()) fail(status);
  const uint64_t start = status.value(), bytes = status.limit();
  uint64_t at = start;
  RegionReader reader(regions->bytes());
  for (Region region; reader.next(&region);) {
    if (at < region.start || at >= region.end) continue;
    if (is_captured(memory, region)) {
      at = region.end;
      continue;
    }
    fail(code::address,
         "the range of %" PRIu64 " bytes from 0x%" PRIx64
         " on makes the state, but snapshots do not take the mapping at "
         "0x%" PRIx64 "-0x%" PRIx64 " (%.4s %.*s), which is a file's, a device's or the kernel's",
         bytes, start, region.start, region.end, region.permissions,
         static_cast<int>(std::min<size_t>(region.path.size(), 100)), region.path.data());
  }
  if (at - start >= bytes) fail(status);
  fail(code::address,
       "the range of %" PRIu64 " bytes from 0x%" PRIx64 " on makes the state, but nothing is mapped at 0x%" PRIx64,
       bytes, start, at);
}

// (store, memory, location) -> snapshot
Handle capture(const Arguments& arguments) {
  const auto bytes = location(arguments, 2);
  arguments.store(0);
  const MemoryEntry& entry = memory_at(arguments, 1, bytes);
  SnapshotEntry snapshot{entry.store, arguments.handle(1), {}};
  const Status status = entry.memory->capture(&snapshot.snapshot);
  if (status.error() == Error::not_captured) fail_for_state(*entry.memory, status);
  check(status);
  return arguments.addon().add(snapshot);
}

// The sentence is the status's: "descriptor 3 (/tmp/a) was closed".
[[noreturn]] void fail_for_file(const Status& status, const char* path) {
  const bool is_system = status.error_number() != 0;
  const auto number = static_cast<int>(status.value());
  const char* const reason = is_system ? strerror(status.error_number()) : "";
  if (number < 0) fail("ERR_FILES", "the file %s %s%s%s", path, status.what(), is_system ? ": " : "", reason);
  fail("ERR_FILES", "descriptor %d (%s) %s%s%s", number, path, status.what(), is_system ? ": " : "", reason);
}

// (store, memory, snapshot, location)
void restore(const Arguments& arguments) {
  const auto bytes = location(arguments, 3);
  const Addon& addon = arguments.addon();
  arguments.store(0);
  const MemoryEntry& entry = memory_at(arguments, 1, bytes);
  const SnapshotEntry& snapshot = arguments.snapshot(2);
  if (addon.store(snapshot.store) != addon.store(entry.store)) {
    fail(code::other_store, "the snapshot is of another store");
  }
  if (entry.memory->kind() == Memory::Kind::tracee && snapshot.memory != arguments.handle(1)) {
    fail(code::other_memory, "the snapshot is not of this process");
  }
  RestorableMemory* memory = entry.memory->restorable();
  if (memory == nullptr) fail(code::argument_type, "a process that is only observed cannot be restored");
  const Status status = memory->restore(snapshot.snapshot);
  if (status.error() == Error::files) fail_for_file(status, static_cast<Tracee&>(*entry.memory).path_at_fault());
  check(status);
}

// (memory, location) -> name
const char* tracker(const Arguments& arguments) {
  const auto bytes = location(arguments, 1);
  return kTrackers[static_cast<size_t>(memory_at(arguments, 0, bytes).memory->tracker())];
}

// (memory, location) -> regions
napi_value regions(const Arguments& arguments) {
  const auto bytes = location(arguments, 1);
  const RegionList* regions;
  check(memory_at(arguments, 0, bytes).memory->regions(&regions));
  return regions_of(arguments.env(), regions->bytes());
}

// (memory, address, bytes, location): fills the Uint8Array
void read(const Arguments& arguments) {
  const auto to = arguments.bytes(2);
  const AddressRange range = arguments.range(1, to);
  const auto bytes = location(arguments, 3);
  check(memory_at(arguments, 0, bytes).memory->read(range.start, to));
}

// (memory, address, length)
template <Status (Masks::*declare)(const AddressRange&)>
void declare_range(const Arguments& arguments) {
  const AddressRange range = arguments.range(1);
  check((arguments.memory(0).memory->captured().masks().*declare)(range));
}

// (memory): closing twice is no error
void close_memory(const Arguments& arguments) {
  arguments.addon().close_memory(arguments.handle(0));
}

// (name) -> whether this kernel has it
bool has_tracker(const Arguments& arguments) {
  const auto kind = arguments.tracker(0);
  return kind && Tracker::is_supported(*kind);
}

}  // namespace

void add_memory(Exports& exports) {
  const Function functions[] = {
      {"captureMemory", guarded<capture>},
      {"restoreMemory", guarded<restore>},
      {"memoryTracker", guarded<tracker>},
      {"memoryRegions", guarded<regions>},
      {"readMemory", guarded<read>},
      {"ignoreRange", guarded<declare_range<&Masks::ignore>>},
      {"trackRange", guarded<declare_range<&Masks::track>>},
      {"closeMemory", guarded<close_memory>},
      {"hasTracker", guarded<has_tracker>},
  };
  exports.add(functions);
  exports.add("trackers", kTrackers);
}

}  // namespace pagestore::binding

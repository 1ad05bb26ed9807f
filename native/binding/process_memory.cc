// What the facade's ProcessMemory calls, beside what all memories have in common (memory.cc).
#include "memory/process_memory.h"

#include "binding/function.h"

namespace pagestore::binding {

namespace {

ProcessMemory& process_of(MemoryEntry& entry) {
  if (entry.memory->kind() != Memory::Kind::process) fail(code::argument_type, "not a memory of a process");
  return static_cast<ProcessMemory&>(*entry.memory);
}

// (store, pid, tracker, whether it is stopped while it is captured) -> memory
Handle open(const Arguments& arguments) {
  const pid_t pid = arguments.pid(1);
  const auto tracker = arguments.tracker(2);
  const bool stops = arguments.boolean(3);
  std::unique_ptr<ProcessMemory> memory;
  check(ProcessMemory::open(&arguments.store(0), pid, tracker, stops, &memory));
  return arguments.addon().add(arguments.handle(0), std::move(memory));
}

// (memory): until `resume`
void stop(const Arguments& arguments) {
  check(process_of(arguments.memory(0)).stop());
}

// (memory): of one that is closed there is nothing to resume
void resume(const Arguments& arguments) {
  if (MemoryEntry* entry = arguments.addon().memory(arguments.handle(0))) process_of(*entry).resume();
}

// (memory) -> for each region that was listed last, whether a capture takes it unless others are selected
napi_value captured_regions(const Arguments& arguments) {
  const ProcessMemory& memory = process_of(arguments.memory(0));
  List list(arguments.env());
  RegionReader reader(memory.listed().bytes());
  for (Region region; reader.next(&region);) list.add(value_of(arguments.env(), memory.is_captured(region)));
  return list.to_array();
}

// (memory, selected): captures take those of the regions listed last for which the Uint8Array holds a 1
void select_regions(const Arguments& arguments) {
  const auto selected = arguments.bytes(1);
  ProcessMemory& memory = process_of(arguments.memory(0));
  RegionList regions;
  RegionReader reader(memory.listed().bytes());
  Region region;
  for (size_t i = 0; reader.next(&region); ++i) {
    if (i < selected.size() && selected[i] != std::byte{0}) check(regions.add(region));
  }
  memory.select(std::move(regions));
}

}  // namespace

void add_process_memory(Exports& exports) {
  const Function functions[] = {
      {"openProcessMemory", guarded<open>},       {"stopProcess", guarded<stop>},
      {"resumeProcess", guarded<resume>},         {"capturedRegions", guarded<captured_regions>},
      {"selectRegions", guarded<select_regions>},
  };
  exports.add(functions);
}

}  // namespace pagestore::binding

// A tracee beside its memory, as bytes: what a snapshot keeps to put it back, and what tells one state from
// another.
#pragma once

#include "memory/tracee/declared_ranges.h"
#include "memory/tracee/tracee_memory.h"
#include "snapshot/masks.h"

namespace pagestore {

// All but its mappings: threads, what it stopped for.
Status save_state(const TracedProcess& process, const TraceeMemory& memory, GrowingArray<std::byte>* bytes);

struct SavedState {
  uint32_t program;  // which of those that the process has been
  uint64_t program_break;
  Stop stop;
  pid_t last;
  uint64_t declarations;
  std::span<const std::byte> threads;  // in the bytes that it was read from
};
Status read_state(std::span<const std::byte> bytes, SavedState* state);

std::span<const std::byte> threads_of(std::span<const std::byte> state);

// Refused unless the process has the threads that it had then, and is the program that it was.
Status check_state(const TracedProcess& process, const SavedState& state);
Status load_state(TracedProcess& process, const SavedState& state);

// What a key is made of, beside memory: where each thread stands, and its registers, if they count. At a
// choice those count that a call keeps, and of a program that ends none does.
struct LiveState {
  GrowingArray<std::byte> bytes;
  StateRanges ranges;  // ignored are dead stack, noted thread numbers, and what the program declared

  Recognition recognition() const {
    const auto& [tracked, ignored] = ranges;
    return {{ignored.data(), ignored.size()}, {tracked.data(), tracked.size()}};
  }
};
Status describe(const TracedProcess& process, const RegionList& regions, std::span<const std::byte> saved,
                PageStores& stores, const PageTree& memory, bool tracks, LiveState* live);

}  // namespace pagestore

// What a key is made of beside memory: why each thread stopped, the registers that count, the program break, the kept
// clock, and the ranges that alone make the state or do not count.
//
// Of a thread count its blocked signals, how much is left of a wait by the kept clock, and its registers: at a choice
// those that a call preserves (the program has called us), elsewhere all of them. Nothing of it does in a program that
// is about to end, nor where tracked ranges alone make the state. Equal states give equal bytes. What counts of open
// files does so unless tracked ranges alone make the state.
#pragma once

#include "memory/tracee/dead_stack.h"
#include "memory/tracee/declared_ranges.h"
#include "memory/tracee/saved_state.h"
#include "snapshot/masks.h"
#include "system/region.h"

namespace pagestore {

struct LiveState {
  GrowingArray<std::byte> bytes;
  AddressRange dead_stack{};  // of the first thread, if any of it is
  StateRanges ranges;  // ignored are dead stacks and red zones, thread ids in memory, and what the program declared

  bool is_at_end = false;  // the program is about to end

  Recognition recognition() const {
    const auto& [tracked, ignored] = ranges;
    return {.ignored = {ignored.data(), ignored.size()},
            .tracked = {tracked.data(), tracked.size()},
            .is_at_end = is_at_end};
  }
};

// A tracee that was just captured.
struct CapturedTracee {
  const TracedProcess& process;
  const RegionList& regions;
  const SavedState& saved;
  DeadStacks& stacks;
  PageStores& stores;
  const PageTree& memory;
  std::span<const std::byte> files;  // what counts of its open files
  bool has_tracked_ranges;           // of the caller's; the program may declare others
};

Status describe(const CapturedTracee& tracee, LiveState* live);

}  // namespace pagestore

// The enumerations that C++ and TypeScript exchange as numbers: the names, in the order of the numbers.
//
// lib/addon/tables.ts has the same, and the addon exports each list; test/tables.test.ts checks that they agree.
#pragma once

#include <cstddef>
#include <iterator>

#include "memory/tracee/warnings.h"
#include "memory/tracker.h"
#include "ptrace/stop.h"
#include "store/page_memory.h"

namespace pagestore::binding {

template <typename Enum, size_t count>
constexpr bool ends_with(const char* const (&)[count], Enum last) {
  return static_cast<size_t>(last) == count - 1;
}

inline constexpr const char* kTrackers[] = {"write-protect", "soft-dirty", "none"};
static_assert(ends_with(kTrackers, TrackerKind::none));

inline constexpr const char* kMemoryKinds[] = {"huge", "memfd"};
static_assert(ends_with(kMemoryKinds, MemoryKind::memfd));

// Of a store, in a Float64Array.
inline constexpr const char* kStatistics[] = {"pages",      "capacity", "references", "duplicates",
                                              "collisions", "tables",   "keys",       "bookkeepingBytes",
                                              "growths",    "moves",    "memoryKind"};

inline constexpr const char* kStopKinds[] = {"choice", "assertion", "syscall", "signal", "breakpoint",  "exec",
                                             "clone",  "fork",      "timeout", "exit",   "thread-exit", "killed"};
static_assert(ends_with(kStopKinds, StopKind::killed));

// Of a stop, in a Float64Array; the bits of the address are those of a 64-bit integer.
enum class StopSlot : size_t { kind, thread, value, flags, text, file, line, address };
inline constexpr const char* kStopSlots[] = {"kind", "tid", "value", "flags", "text", "file", "line", "address"};
static_assert(ends_with(kStopSlots, StopSlot::address));

// The bits of `flags`, from the lowest on.
enum class StopFlag : unsigned { entering, has_address, ended };
inline constexpr const char* kStopFlags[] = {"entering", "hasAddress", "ended"};
static_assert(ends_with(kStopFlags, StopFlag::ended));

// Of what `resume` is asked for, in a Float64Array; NaN for what is undefined.
enum class ResumeSlot : size_t { choose, signal, thread, timeout, only_entries, settle, goes_on };
inline constexpr const char* kResumeSlots[] = {"choose", "signal", "tid", "timeout", "onlyEntries", "settle", "goesOn"};
static_assert(ends_with(kResumeSlots, ResumeSlot::goes_on));

// Of warnings.
inline constexpr const char* kWarnings[] = {"outside",       "input",   "ignored",  "names",
                                            "private-files", "threads", "processes"};
static_assert(ends_with(kWarnings, WarningKind::processes));

}  // namespace pagestore::binding

// Which calls on monitored descriptors are seen, what each of them means, and the filter that makes the kernel stop a
// spawned process at them.
//
// The filter is added by the process itself, by an injected call, when a descriptor is monitored for the first time; it
// cannot be taken off again, so each number is added once. Where the process is not allowed to (a filter of its own
// forbids it), Error::tracee says so. A process without our filter stops at each call anyway.
//
// A call counts when it has moved something, which its result says: what only waits has moved nothing. So calls on
// streams are looked at on their exit, all others on their entry.
#pragma once

#include <optional>

#include "ptrace/file_changes.h"
#include "ptrace/injected_calls.h"
#include "ptrace/process_traits.h"
#include "ptrace/system_call.h"

namespace pagestore {

// What a call does to the descriptor in its first argument.
enum class FileUse : uint8_t { none, moves_bytes, writes_at_offset, writes_elsewhere, seeks };
FileUse use_of(int64_t number);

// Whether calls of that use are seen under a monitoring.
constexpr bool is_seen(Monitoring monitoring, FileUse use) {
  switch (monitoring) {
    case Monitoring::none:
      return false;
    case Monitoring::positions:
      return use == FileUse::writes_elsewhere || use == FileUse::seeks;
    case Monitoring::contents:
      return use == FileUse::writes_elsewhere || use == FileUse::seeks || use == FileUse::writes_at_offset;
    case Monitoring::stream:
      return use != FileUse::none && use != FileUse::seeks;
  }
  return false;
}

// The lowest byte that such a call changes, as far as its arguments say; none if it changes nothing.
std::optional<uint64_t> lowest_byte(const SystemCall& call);

// The program of a filter that stops at such calls on these descriptors. False when there is no memory.
struct MonitorRequest {
  int32_t number;
  Monitoring monitoring;
};
[[nodiscard]] bool make_monitor_filter(std::span<const MonitorRequest> requests, GrowingArray<std::byte>* program);

}  // namespace pagestore

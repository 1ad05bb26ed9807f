// Which calls on monitored descriptors are seen, what each of them means, and the filter that makes the kernel stop a
// spawned process at them.
//
// The filter is added by the process itself, by an injected call, when a descriptor is monitored for the first time; it
// cannot be taken off again, so each number is added once for each use. Where the process is not allowed to (a filter
// of its own forbids it), Error::tracee says so. A process without our filter stops at each call anyway.
#pragma once

#include <optional>

#include "ptrace/file_changes.h"
#include "ptrace/injected_calls.h"
#include "ptrace/process_traits.h"
#include "ptrace/system_call.h"

namespace pagestore {

// What a call does to the descriptor in its first argument.
enum class FileUse : uint8_t {
  none,
  reads,             // takes bytes or messages
  writes_at_offset,  // of a file with an offset, there
  writes_elsewhere,
  seeks,
  acts,   // sends messages, connects, sets or takes what the kernel keeps
  waits,  // for the members of a set
};
inline constexpr FileUse kFileUses[] = {
    FileUse::reads, FileUse::writes_at_offset, FileUse::writes_elsewhere, FileUse::seeks, FileUse::acts,
    FileUse::waits};
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
      return use != FileUse::none && use != FileUse::seeks && use != FileUse::waits;
    case Monitoring::input:
      return use == FileUse::reads;
    case Monitoring::edges:
      return use != FileUse::none && use != FileUse::seeks;
  }
  return false;
}

// All uses that are seen: one bit each.
constexpr uint32_t bit_of(FileUse use) {
  return uint32_t{1} << static_cast<unsigned>(use);
}
uint32_t seen_uses(Monitoring monitoring);

// The lowest byte that such a call changes, as far as its arguments say; none if it changes nothing.
std::optional<uint64_t> lowest_byte(const SystemCall& call);

// Behind the last byte that such a call can change, if the first is `low`; UINT64_MAX where it may be any.
uint64_t end_of_change(const SystemCall& call, uint64_t low);

// Where a call that `writes_elsewhere` does that: at the place that `lowest_byte` says; there, unless the open file is
// in append mode; at the open file's offset; at the end.
enum class WriteTarget : uint8_t { as_said, at_end_if_appending, at_offset, at_end };
WriteTarget target_of_write(const SystemCall& call);

// The program of a filter that stops at such calls on these descriptors. False when there is no memory.
struct MonitorRequest {
  int32_t number;
  uint32_t uses;  // one bit each
};
inline constexpr size_t kMostMonitorRequests = 32;  // so that the program fits into a page
[[nodiscard]] bool make_monitor_filter(std::span<const MonitorRequest> requests, GrowingArray<std::byte>* program);

}  // namespace pagestore

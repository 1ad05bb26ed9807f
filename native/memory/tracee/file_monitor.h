// Sees to it that what a tracee does to its files is seen where it cannot be undone: bytes that move through pipes and
// sockets, and writes inside files. Which calls that are, monitored_calls.h says.
//
// A process with a filter adds one for each descriptor that is new to us; a filter stays, so nothing is added twice.
// Where it has a filter of its own, which may kill it for that, or is not allowed to, nobody sees what it does, and
// each run counts as if it had done everything.
#pragma once

#include <optional>

#include "linux/open_files.h"
#include "ptrace/traced_process.h"

namespace pagestore {

// How closely an open file is monitored.
Monitoring monitoring_of_file(const OpenFile& file);

class FileMonitor {
 public:
  explicit FileMonitor(TracedProcess& process) : process_(process) {}

  // Before the program's own code runs.
  void begin() { filters_ = count_filters(); }

  // Leaves to its caller: `files` were just read, or put back. `scratch` as in scratch.h.
  Status monitor(const OpenFiles& files, std::optional<RemoteAddress> scratch);

 private:
  Status add_filters(std::span<const KnownDescriptor> known, std::optional<RemoteAddress> scratch);
  Status add_filter(std::span<const MonitorRequest> requests, std::optional<RemoteAddress> scratch);
  uint64_t count_filters() const;

  TracedProcess& process_;
  uint64_t filters_ = 0;  // that the process had at its start, and that we added
};

}  // namespace pagestore

// Makes the mappings of a tracee what they were, by injected calls: some 12 µs each.
//
// A mapping that cannot be made again (of a file that was deleted, of memory that was shared) is refused with its
// address; what was done until then stays done, and another snapshot can still be restored. It leaves to its caller:
// to check first, the contents, to read the mappings again, and that the process is stopped.
#pragma once

#include "memory/tracee/mappings.h"
#include "ptrace/traced_process.h"

namespace pagestore {

struct Mappings {
  std::span<const std::byte> regions;
  uint64_t program_break;
};

// Changes nothing. Refuses what is known to be impossible before it is tried: `task` is a thread of the process.
Status check_mappings(pid_t task, const Mappings& now, const Mappings& wanted);

// One pass: the program break is set, which maps and unmaps what it passes; what lies where something else should is
// unmapped; then every region is made. A second pass makes what could not be made in the first.
Status undo_mappings(TracedProcess& process, const Mappings& now, const Mappings& wanted);

}  // namespace pagestore

// Makes the mappings of a tracee what they were, by system calls that it makes itself: some 12 µs each.
//
// Contents are somebody else's matter. What cannot be made again (a file that is gone, memory that was
// shared) is refused with the address; what was done until then stays done, and a restore of another
// snapshot can still come.
#pragma once

#include "memory/tracee/mappings.h"
#include "ptrace/traced_process.h"

namespace pagestore {

struct Mappings {
  std::span<const std::byte> regions;
  uint64_t program_break;
};

// One pass: the program's break first, then every region. Mappings are to be read anew after it; a second
// pass mends what was in the way of the first.
Status undo_mappings(TracedProcess& process, const Mappings& now, const Mappings& wanted);

}  // namespace pagestore

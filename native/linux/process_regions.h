// The regions of a process: `/proc/PID/maps`, and which of them are memory of its own.
//
// The kernel lists mappings one page of text at a time: the list of a process that runs may be of no one moment. Paths
// are what the kernel writes, ` (deleted)` included; only line feeds are put back.
#pragma once

#include <sys/types.h>

#include "system/region.h"

namespace pagestore {

// The regions that the text of a `maps` file lists, or of a `smaps` file.
Status parse_regions(std::string_view text, RegionList* regions);

// All regions of process `pid`, in rising order. Refused when it has ended, or is not ours to read.
Status read_regions_of(pid_t pid, RegionList* regions);

// The same, and which of them grow down, are served or tell of writes: of `/proc/PID/smaps`, for which the kernel goes
// over all page tables.
Status read_flagged_regions_of(pid_t pid, RegionList* regions);

// Whether a capture takes it by default: memory that the process may read and shares with nobody. Left out
// are shared mappings, memory that may not be read, devices, and what the kernel lends (vdso, vvar, vsyscall,
// rings).
bool is_private_memory(const Region& region);

// Whether no file backs it, and no memory that others may have, too, however that is called.
bool is_anonymous(const Region& region);

// Whether a page that does not exist reads as zero, whatever is behind: also of a private mapping of /dev/zero.
bool is_zero_filled(const Region& region);

}  // namespace pagestore

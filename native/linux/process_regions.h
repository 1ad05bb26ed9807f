// The regions of a process: `/proc/PID/maps`.
#pragma once

#include <sys/types.h>

#include "system/region.h"

namespace pagestore {

// The regions that the text of a `maps` file tells of.
Status parse_regions(std::string_view text, RegionList* regions);

// All regions of process `pid`, in rising order. Refused when it is gone, or not ours to read.
Status read_regions_of(pid_t pid, RegionList* regions);

// Whether a capture takes it unless it is told otherwise: memory that the process may read and shares
// with nobody. Left out are shared mappings, what may not be read, devices, and what the kernel lends
// (vdso, vvar, vsyscall, rings).
bool is_private_memory(const Region& region);

// Whether nothing lies behind it, so that a page never touched does not exist and reads as zero.
bool is_anonymous(const Region& region);

// What is wrong when something below `/proc/PID` cannot be opened or read.
Status process_refused(pid_t pid, const char* what, int error_number);

}  // namespace pagestore

// Which processes a process has started, and by which numbers it knows them.
//
// Each answer was true at the moment of the call; of processes that run it may be false by the next.
#pragma once

#include <sys/types.h>

#include "system/growing_array.h"
#include "system/status.h"

namespace pagestore {

// Those that a process has started and that nobody has waited for, by their numbers.
Status read_children(pid_t pid, GrowingArray<pid_t>* children);
// Adds those of one thread. None where it has ended.
Status add_children(pid_t pid, pid_t thread, GrowingArray<pid_t>* children);

// In how many PID namespaces, from ours inwards, a process has a number: 1 where it is in ours.
Status read_namespace_depth(pid_t pid, int* depth);
// The number of a process in the namespace that is so deep; `depth` counts as above.
Status read_number_at(pid_t pid, int depth, pid_t* number);

}  // namespace pagestore

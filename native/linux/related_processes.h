// Which processes a process has started, and what two processes share.
//
// Each answer was true at the moment of the call; of processes that run it may be false by the next. It leaves to its
// caller: both processes are ours to trace.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "system/growing_array.h"
#include "system/status.h"

namespace pagestore {

// Those that a process has started and that nobody has waited for, by their numbers.
Status read_children(pid_t pid, GrowingArray<pid_t>* children);

// When a process was started, in the kernel's ticks since the system was: together with its number it names it. 0 where
// there is none.
uint64_t start_of(pid_t pid);

enum class Shared : uint8_t { memory, descriptors };
// True, too, where the system does not say.
bool may_share(pid_t a, pid_t b, Shared what);

// Whether `other` shares the memory of `pid`, which is stopped. Where the system does not say, bytes at `address`,
// which may be written, are changed for a moment: who sees that has the same memory.
bool shares_memory(pid_t pid, pid_t other, uint64_t address);

}  // namespace pagestore

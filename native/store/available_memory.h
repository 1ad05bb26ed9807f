// How much memory there is to be had without swapping: of the machine, and of each memory cgroup that this process is
// in.
//
// The kernel's out-of-memory killer gives no error: it ends this process, or another one. So what there is not is
// refused before it is touched. Others take memory meanwhile, so this is no promise.
#pragma once

#include <cstdint>

namespace pagestore {

// In bytes; the largest number where the system does not say.
uint64_t available_memory();

}  // namespace pagestore

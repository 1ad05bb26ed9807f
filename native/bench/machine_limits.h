// What the machine itself needs for the work that no page store can avoid, on the same bytes in the same order.
//
// Storing a page that is known must at least compare it; storing a new one must copy it; memory that was never used
// must be populated first. Each function makes one pass and gives nanoseconds per page.
#pragma once

#include <cstddef>
#include <span>

#include "data.h"

namespace pagestore::bench {

// Compares each pair.
double compare(std::span<const Pair> pairs);

// Hashes each source page as the core does, then compares: what is left of storing a duplicate when memory is free.
double hash_and_compare(std::span<const Pair> pairs, size_t rounds);

// Copies the source to where each pair keeps it.
double copy(std::span<const Pair> pairs);

// Populates the core's kind of memory in the core's steps, and copies the source in.
double populate_and_copy();

// Makes the system own twice the memory that a growing store will need, so that none of it has to come from a
// hypervisor while a clock runs: the kernel chooses which of its free blocks it gives next.
void prewarm(size_t pages);

}  // namespace pagestore::bench

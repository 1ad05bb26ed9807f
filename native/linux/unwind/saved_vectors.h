// The registers of vectors, as a processor with XSAVE puts them into the frame of a signal.
#pragma once

#include <cstdint>

#include "linux/memory_reader.h"
#include "linux/unwind/leftovers.h"

namespace pagestore {

struct SavedVectors {
  uint64_t start = 0, length = 0;
  uint64_t written = 0;  // a bit for each component that is there and holds anything

  uint64_t end() const { return start + length; }
  // What the processor and the kernel leave unwritten.
  void add_unwritten(Leftovers* leftovers) const;
};

// Those that begin at `start`. False where nothing says how far they go.
bool read_saved_vectors(uint64_t start, MemoryReader& stack, SavedVectors* vectors);

}  // namespace pagestore

// Where the stack of a thread lies: from its lowest byte to where its first frame began.
//
// Known of the first thread, whose stack the kernel made. Of any other thread the tracer has seen where it began, if it
// was started while we traced; and how far down the stack goes, the call that started it says (clone3), or else what
// the C library notes about the thread's memory beside the thread's own data. A mapping's lower end proves nothing: a
// stack may share it with memory that is in use.
#pragma once

#include <optional>

#include "linux/memory_reader.h"
#include "ptrace/traced_thread.h"
#include "system/region.h"

namespace pagestore {

struct StackSources {
  const RegionList& regions;
  uint64_t first_stack;  // where that of the first thread began
  MemoryReader& memory;
};

// `thread_area` is what the thread's registers say.
std::optional<AddressRange> find_thread_stack(const StackSources& sources, const TracedThread& thread, bool is_first,
                                              uint64_t thread_area);

}  // namespace pagestore

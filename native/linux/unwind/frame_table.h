// Finds the frame rule for an instruction in a module (an executable or a library) that a process has mapped: by the
// table that the linker writes for exceptions (`.eh_frame_hdr`), which is part of the module in memory.
//
// What is in memory may be anything: what is not understood gives no rule. What a search takes is said by its cost,
// some units for each byte that is looked at; it depends on nothing but what is in memory, and is bounded. It leaves to
// its caller: to know where the module begins, and how many searches are too many.
#pragma once

#include <optional>

#include "linux/memory_reader.h"
#include "linux/unwind/frame_rule.h"
#include "system/address_range.h"

namespace pagestore {

// A rule, and what was done for it; that is also said where there is none.
struct FoundRule {
  FrameRule rule{};
  uint64_t cost = 0;
};

// `module` is where its ELF header lies. Without a table in memory, as in executables that are linked statically, all
// entries in `entries` are looked through, if the caller knows where they are.
bool find_frame_rule(MemoryReader& memory, uint64_t module, uint64_t instruction, FoundRule* found);
bool search_frame_rule(MemoryReader& memory, const AddressRange& entries, uint64_t instruction, FoundRule* found);

// Where the frame entries of a program lie that is mapped at `module`, as the section headers of its file say; `file`
// is open. None if it has none.
std::optional<AddressRange> find_frame_entries(int file, uint64_t module);

}  // namespace pagestore

// Finds the frame rule for an instruction in a module (an executable or a library) that a process has mapped: by the
// table that the linker writes for exceptions (`.eh_frame_hdr`), which is part of the module in memory.
//
// What is in memory may be anything: what is not understood gives no rule. It leaves to its caller: to know where the
// module begins.
#pragma once

#include <optional>

#include "linux/frame_rule.h"
#include "linux/memory_reader.h"
#include "system/address_range.h"

namespace pagestore {

// `module` is where its ELF header lies. Without a table in memory, as in executables that are linked statically, all
// entries in `entries` are looked through, if the caller knows where they are.
bool find_frame_rule(MemoryReader& memory, uint64_t module, uint64_t instruction, FrameRule* rule);
bool search_frame_rule(MemoryReader& memory, const AddressRange& entries, uint64_t instruction, FrameRule* rule);

// Where the frame entries of a program lie that is mapped at `module`, as the section headers of its file say; `file`
// is open. None if it has none.
std::optional<AddressRange> find_frame_entries(int file, uint64_t module);

}  // namespace pagestore

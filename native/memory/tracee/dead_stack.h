// The dead part of a thread's stack: the bytes below its stack pointer and red zone, which no longer mean anything
// and do not count in a key.
//
// Only where the lower end of the stack is known: the first thread's, and a mapping that has a guard of its own below
// it and the thread's area at its upper end. Any other stack may lie among memory that is in use.
#pragma once

#include <optional>

#include "ptrace/registers.h"
#include "system/region.h"

namespace pagestore {

std::optional<AddressRange> find_dead_stack(const RegionList& regions, const Registers& registers);

// Of a program that is about to end: no byte of its first stack is read any more.
std::optional<AddressRange> find_ended_stack(const RegionList& regions);

}  // namespace pagestore

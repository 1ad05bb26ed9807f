// Where the kernel put a program's heap and its first stack when the program began: `/proc/PID/stat`.
//
// Both stay as they are until the process becomes another program; a program may move the heap's start by prctl.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "system/status.h"

namespace pagestore {

struct ProgramLayout {
  uint64_t heap_start = 0;   // the lowest program break that the program can have
  uint64_t stack_start = 0;  // where the stack pointer was when the program began
};

// Of a thread or process that has not ended and that we may trace: of others the kernel shows zeroes.
Status read_program_layout(pid_t pid, ProgramLayout* layout);

}  // namespace pagestore

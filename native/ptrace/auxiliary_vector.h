// What the kernel tells a program at its start, above its arguments and environment on the stack: where its code
// begins, where 16 random bytes are, and where functions of the kernel are (the vDSO) that read clocks without a system
// call.
//
// A program that is not told of those functions makes calls instead, whether it has a dynamic linker or none. They stay
// mapped: who looks for them by other means (/proc/self/auxv, /proc/self/maps) finds them.
#pragma once

#include "linux/remote_memory.h"

namespace pagestore {

struct AuxiliaryValues {
  RemoteAddress entry, random;
};

Status read_auxiliary_values(pid_t pid, AuxiliaryValues* values);

// Of a program that has not begun; `stack` is its stack pointer.
Status hide_kernel_functions(const RemoteMemory& memory, RemoteAddress stack);

}  // namespace pagestore

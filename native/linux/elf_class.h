// Whether a process is a program of 32 bits: its system calls have other numbers, and its memory other layouts.
#pragma once

#include <sys/types.h>

namespace pagestore {

// By the file that it runs. False where that cannot be read.
bool is_32_bit_program(pid_t pid);

}  // namespace pagestore

// The instruction by which a program makes a system call.
#pragma once

#include <cstring>

#include "linux/remote_memory.h"
#include "ptrace/registers.h"

namespace pagestore {

// Whether it lies at an address of the process.
inline bool is_call_instruction(const RemoteMemory& memory, uint64_t address) {
  std::byte code[Registers::kCall.size()];
  return memory.read(RemoteAddress(address), code, sizeof(code)).is_ok() &&
         memcmp(code, Registers::kCall.data(), sizeof(code)) == 0;
}

}  // namespace pagestore

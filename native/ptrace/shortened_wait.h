// Makes a thread that we interrupted in a wait make its call again with the time that is left, and with nobody there to
// see to it: the limit among the call's arguments becomes what is left.
//
// So the register of that argument changes for the program, as registers of arguments may; where the argument is a
// pointer, it points to a few bytes behind the stack's red zone, which are the program's no more.
#pragma once

#include <array>
#include <cstddef>

#include "linux/remote_memory.h"
#include "ptrace/registers.h"
#include "ptrace/wait_limits.h"

namespace pagestore {

struct ShortenedWait {
  using Bytes = std::array<std::byte, 48>;

  RemoteAddress address;  // of bytes that were changed; null where there are none
  Bytes before{}, after{};
  uint64_t argument = 0;  // as the program gave it
};

// False if the limit is no argument, or could not be written; then nothing was changed. Leaves to its caller: the
// thread is in that call, and will make it again.
bool shorten_wait(const RemoteMemory& memory, const WaitLimit& limit, int64_t left, Registers* registers,
                  ShortenedWait* shortened);

// Puts the bytes back, unless somebody has written there since.
void put_back(const RemoteMemory& memory, const ShortenedWait& shortened);

}  // namespace pagestore

// A system call as it is in registers, whichever they are: its number and arguments, and the results by which the
// kernel says that the call was interrupted. Each processor's registers convert from it and to it (registers.h).
#pragma once

#include <array>
#include <cstdint>

namespace pagestore {

struct SystemCall {
  int64_t number;  // the kernel's −1 where there is no call
  std::array<uint64_t, 6> arguments{};
};

// What the kernel leaves as the result of a call that a signal or a tracer interrupted. The kernel makes such
// a call again (or goes on with it) unless a handler runs.
inline constexpr int64_t kRestartSys = -512, kRestartNoIntr = -513, kRestartNoHand = -514, kRestartBlock = -516;

constexpr bool is_restart(int64_t result) {
  return result == kRestartSys || result == kRestartNoIntr || result == kRestartNoHand || result == kRestartBlock;
}

}  // namespace pagestore

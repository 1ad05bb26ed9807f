// A system call in registers: its number and arguments.
#pragma once

#include <array>
#include <cstdint>

namespace pagestore {

struct RegisterCall {
  int64_t number = -1;
  std::array<uint64_t, 6> arguments{};
};

// What the kernel leaves as the result of a call that a signal or a tracer interrupted, and that goes on
// when nothing came of it.
inline constexpr int64_t kRestartSys = -512, kRestartNoIntr = -513, kRestartNoHand = -514, kRestartBlock = -516;

constexpr bool is_restart(int64_t result) {
  return result == kRestartSys || result == kRestartNoIntr || result == kRestartNoHand || result == kRestartBlock;
}

}  // namespace pagestore

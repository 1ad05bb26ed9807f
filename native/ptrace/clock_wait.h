// A wait with a limit that a thread whose clock we keep is in: what the program asked for, and what we made of it.
#pragma once

#include <array>

#include "linux/remote_address.h"
#include "ptrace/clock_limit.h"

namespace pagestore {

struct ClockWait {
  ClockWait(const SystemCall& made, const ClockLimit& asked, uint64_t its_turn)
      : call(made), limit(asked), turn(its_turn) {}

  SystemCall call;  // as the program makes it
  ClockLimit limit;
  // Of two waits whose limits pass at the same moment the one that began first ends first: their order.
  uint64_t turn;
  // Nanoseconds of the system's monotonic clock: when the thread went into the kernel first in this step, and when the
  // limit would have passed by that clock.
  int64_t began = 0, real_end = 0;
  bool is_in_kernel = false;  // else it was interrupted, and is to go on
  bool is_over = false;       // the clock has come to the limit: the kernel is asked once more, with a limit of zero
  bool asks_at_once = false;  // the kernel has a limit of zero
  // Where a limit of ours lies meanwhile, and what was there.
  RemoteAddress scratch;
  std::array<int64_t, 2> below{};

  bool is_before(const ClockWait& other) const {
    return limit.end != other.limit.end ? limit.end < other.limit.end : turn < other.turn;
  }
};

}  // namespace pagestore

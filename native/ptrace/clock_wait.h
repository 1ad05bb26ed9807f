// A wait with a limit that a thread whose clock we keep is in: what the program asked for, and what we made of it.
#pragma once

#include <array>

#include "linux/remote_address.h"
#include "ptrace/clock_limit.h"

namespace pagestore {

struct ClockWait {
  SystemCall call;  // as the program makes it
  ClockLimit limit;
  int64_t real_end = 0;       // nanoseconds of the system's monotonic clock
  bool is_in_kernel = false;  // else it was interrupted, and is to go on
  // Where a limit of ours lies meanwhile, and what was there.
  RemoteAddress scratch;
  std::array<int64_t, 2> below{};
};

}  // namespace pagestore

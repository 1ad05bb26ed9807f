#include "ptrace/kept_clock.h"

namespace pagestore {

std::optional<int64_t> KeptClock::read(clockid_t id) const {
  switch (id) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_TAI:
      return calendar();
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
      return since_system_start();
    case CLOCK_PROCESS_CPUTIME_ID:
    case CLOCK_THREAD_CPUTIME_ID:
      return used();
    case CLOCK_REALTIME_ALARM:
    case CLOCK_BOOTTIME_ALARM: {
      // Only systems that can be woken have them.
      timespec ignored;
      if (clock_gettime(id, &ignored) != 0) return {};
      return id == CLOCK_REALTIME_ALARM ? calendar() : since_system_start();
    }
    default:
      return {};
  }
}

}  // namespace pagestore

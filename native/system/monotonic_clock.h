// Nanoseconds of a clock that only goes forward, and by which the kernel measures how long a call waits.
#pragma once

#include <time.h>

#include <cstdint>

namespace pagestore {

inline int64_t monotonic_nanoseconds() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

}  // namespace pagestore

// When a file was made, against the clock by which the kernel says so.
//
// The kernel stamps a file with a clock that stands still between its ticks, so a file that is made after a moment has
// the time of that moment or a later one. A file system that keeps times less exactly seems to have made it before: so
// this can prove that a file is new, never that it is not.
#pragma once

#include <time.h>

#include <cstdint>

namespace pagestore {

inline uint64_t read_file_clock(clockid_t clock) {
  constexpr uint64_t kSecond = 1'000'000'000;
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * kSecond + static_cast<uint64_t>(now.tv_nsec);
}

// In nanoseconds.
inline uint64_t now_for_files() {
  return read_file_clock(CLOCK_REALTIME_COARSE);
}

// Whether what was born then (file_facts.h) was made since that moment. A clock that was ahead once proves nothing.
inline bool is_made_since(uint64_t born, uint64_t moment) {
  return born != 0 && born >= moment && born <= read_file_clock(CLOCK_REALTIME);
}

}  // namespace pagestore

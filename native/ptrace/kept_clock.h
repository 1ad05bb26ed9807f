// The clock of a program whose time we keep: every clock of the system, and the processor's counter, as one number.
//
// It stands still while the program computes, and goes on when a wait of the program's ends because its limit has
// passed. So what the program reads depends on nothing but what it did, and rolls back with it. Clocks differ by where
// they begin: a calendar at a fixed date, the time since the system's start at a day, and the time that a process or a
// thread has used at nothing.
#pragma once

#include <sys/types.h>
#include <time.h>

#include <algorithm>
#include <cstdint>
#include <optional>

namespace pagestore {

// The timer that sends SIGALRM (alarm, setitimer), by the kept clock.
struct KeptAlarm {
  int64_t end = 0;       // when it goes off next, as `elapsed`; 0 while it is not set
  int64_t interval = 0;  // from then on again and again, unless 0

  bool is_set() const { return end != 0; }
  friend bool operator==(const KeptAlarm&, const KeptAlarm&) = default;
};

class KeptClock {
 public:
  static constexpr int64_t kSecond = 1'000'000'000;
  static constexpr int64_t kCalendarStart = 1'577'836'800 * kSecond;  // 2020-01-01T00:00:00Z
  static constexpr int64_t kSystemStart = 86'400 * kSecond;
  // It never comes so far: a wait until then is one without end.
  static constexpr int64_t kNever = INT64_MAX - kCalendarStart;

  // Nanoseconds since the program's start.
  int64_t elapsed() const { return elapsed_; }
  void set(int64_t elapsed) { elapsed_ = elapsed; }
  // Never back.
  void advance_to(int64_t elapsed) { elapsed_ = std::max(elapsed_, std::min(elapsed, kNever - 1)); }

  const KeptAlarm& alarm() const { return alarm_; }
  // `now` is the system's monotonic clock, in nanoseconds.
  void set_alarm(const KeptAlarm& alarm, int64_t now) {
    alarm_ = alarm;
    const int64_t left = std::max<int64_t>(alarm.end - elapsed_, 0);
    alarm_real_end_ = std::min(now, INT64_MAX - left) + left;
  }
  // When it would go off by that clock.
  int64_t alarm_real_end() const { return alarm_real_end_; }

  int64_t calendar() const { return kCalendarStart + elapsed_; }
  int64_t since_system_start() const { return kSystemStart + elapsed_; }
  int64_t used() const { return elapsed_; }

  // What clock `id` says; nothing for one that is no clock of this system, or that we do not keep: of another process,
  // or of a device.
  std::optional<int64_t> read(clockid_t id) const;

  // What the processor's counter says, one a nanosecond. Until the program's own code begins, how often it was read:
  // the dynamic linker divides by the time that it takes.
  uint64_t read_counter() { return has_begun_ ? static_cast<uint64_t>(since_system_start()) : counted_++; }
  void begin() { has_begun_ = true; }

 private:
  int64_t elapsed_ = 0;
  KeptAlarm alarm_;
  int64_t alarm_real_end_ = 0;
  uint64_t counted_ = 0;
  bool has_begun_ = false;
};

}  // namespace pagestore

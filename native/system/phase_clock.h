// Which part of a step takes how long, for benchmarks: nothing is measured unless a clock runs.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include "system/non_copyable.h"

namespace pagestore {

enum class Phase : uint8_t { other, stop, mappings, scan, read, store, key, diff, write, registers };
inline constexpr size_t kPhases = 10;

// Measures the thread that made it, while it lives.
class PhaseClock : NonCopyable {
 public:
  PhaseClock() : since_(Clock::now()) { running = this; }
  ~PhaseClock() { running = nullptr; }

  double microseconds(Phase phase) const {
    return std::chrono::duration<double, std::micro>(spent_[static_cast<size_t>(phase)]).count();
  }
  Phase enter(Phase phase) {
    const Clock::time_point now = Clock::now();
    spent_[static_cast<size_t>(phase_)] += now - since_;
    since_ = now;
    const Phase before = phase_;
    phase_ = phase;
    return before;
  }

  static inline thread_local PhaseClock* running = nullptr;

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point since_;
  Phase phase_ = Phase::other;
  std::array<Clock::duration, kPhases> spent_{};
};

// The time until its end counts as `phase`, except while another InPhase is inside.
class InPhase : NonCopyable {
 public:
  explicit InPhase(Phase phase) : clock_(PhaseClock::running) {
    if (clock_ != nullptr) before_ = clock_->enter(phase);
  }
  ~InPhase() {
    if (clock_ != nullptr) clock_->enter(before_);
  }

 private:
  PhaseClock* clock_;
  Phase before_ = Phase::other;
};

}  // namespace pagestore

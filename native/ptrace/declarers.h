// Who in a program has said where its declarations are (trap.h): the program itself, and each of its libraries that has
// a copy of include/pagestore.h of its own. In the order in which they said so.
//
// A value. A program may say whatever it likes, so there is a bound, and what goes beyond it is noted, not forgotten.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "linux/remote_address.h"

namespace pagestore {

class Declarers {
 public:
  static constexpr uint32_t kMost = 64;

  // Who says it twice is one.
  void add(RemoteAddress address) {
    const auto known = all();
    if (std::find(known.begin(), known.end(), address) != known.end()) return;
    if (count_ < kMost) addresses_[count_] = address;
    count_ = std::min(count_ + 1, kMost + 1);
  }

  std::span<const RemoteAddress> all() const { return {addresses_.data(), std::min(count_, kMost)}; }
  bool are_too_many() const { return count_ > kMost; }

 private:
  uint32_t count_ = 0;
  std::array<RemoteAddress, kMost> addresses_{};
};

}  // namespace pagestore

// Bytes of a stack that are in use by name only: nobody wrote them since something else lay there.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "system/address_range.h"

namespace pagestore {

class Leftovers {
 public:
  static constexpr size_t kMost = 16;  // more are forgotten: then they count

  void add(uint64_t start, uint64_t end) {
    if (start < end && count_ < kMost) ranges_[count_++] = {start, end};
  }
  std::span<const AddressRange> ranges() const { return {ranges_.data(), count_}; }

 private:
  size_t count_ = 0;
  std::array<AddressRange, kMost> ranges_{};
};

}  // namespace pagestore

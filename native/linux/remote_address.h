// An address in another process.
//
// It is no pointer: nothing here can be dereferenced, and neither a number nor a pointer of ours becomes a
// remote address by itself. Ranges of addresses (AddressRange, Region) are of any memory and stay plain
// numbers; whoever turns one into the other says so.
#pragma once

#include <compare>
#include <cstdint>

namespace pagestore {

class RemoteAddress {
 public:
  // Null, as a null pointer of the other process.
  constexpr RemoteAddress() = default;
  constexpr explicit RemoteAddress(uint64_t value) : value_(value) {}

  constexpr uint64_t value() const { return value_; }
  constexpr bool is_null() const { return value_ == 0; }

  constexpr auto operator<=>(const RemoteAddress&) const = default;
  constexpr RemoteAddress operator+(uint64_t bytes) const { return RemoteAddress(value_ + bytes); }
  constexpr RemoteAddress operator-(uint64_t bytes) const { return RemoteAddress(value_ - bytes); }

 private:
  uint64_t value_ = 0;
};

static_assert(sizeof(RemoteAddress) == sizeof(uint64_t));

}  // namespace pagestore

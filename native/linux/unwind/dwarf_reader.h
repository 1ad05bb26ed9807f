// Reads the numbers that DWARF packs into bytes: from the start on, and never past the end.
//
// The bytes are a file's and may be anything. After a read past the end, or of an encoding that is not known, the
// reader has failed: it gives zeroes from then on, and whoever has read all asks once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace pagestore {

class DwarfReader {
 public:
  // `address` is where the first byte lies in the process: some numbers are relative to their own place.
  DwarfReader(std::span<const std::byte> bytes, uint64_t address) : bytes_(bytes), address_(address) {}

  bool has_failed() const { return has_failed_; }
  bool is_at_end() const { return bytes_.empty(); }
  uint64_t address() const { return address_; }
  std::span<const std::byte> rest() const { return bytes_; }

  template <typename T>
  T fixed() {
    T value{};
    const std::span<const std::byte> from = bytes(sizeof(T));
    if (!from.empty()) memcpy(&value, from.data(), sizeof(T));
    return value;
  }

  // The next `count` bytes; none if there are not so many.
  std::span<const std::byte> bytes(uint64_t count) {
    if (count > bytes_.size()) {
      fail();
      return {};
    }
    const std::span<const std::byte> taken = bytes_.first(static_cast<size_t>(count));
    bytes_ = bytes_.subspan(static_cast<size_t>(count));
    address_ += count;
    return taken;
  }

  // LEB128. Bits beyond 64 are lost, and what is longer than any assembler fills a number up to is not understood.
  uint64_t unsigned_number() { return number(nullptr); }
  int64_t signed_number() {
    unsigned bits = 0;
    uint64_t value = number(&bits);
    if (bits < 64 && (value >> (bits - 1) & 1) != 0) value |= UINT64_MAX << bits;
    return static_cast<int64_t>(value);
  }

  // An address, as one byte says how it is written: how long it is, and what it is relative to. `data` is what numbers
  // that are relative to data are relative to. Its highest bit says that the address wanted lies in memory there.
  uint64_t encoded(uint8_t encoding, uint64_t data = 0) {
    constexpr uint8_t kOmitted = 0xff, kRelativeToItself = 0x10, kRelativeToData = 0x30;
    if (encoding == kOmitted) return 0;
    const uint64_t itself = address_, value = encoded_number(encoding & 0x0f);
    switch (encoding & 0x70) {
      case 0:
        return value;
      case kRelativeToItself:
        return value + itself;
      case kRelativeToData:
        return value + data;
      default:
        fail();
        return 0;
    }
  }

 private:
  void fail() {
    has_failed_ = true;
    bytes_ = {};
  }

  uint64_t number(unsigned* bits) {
    constexpr unsigned kMostBytes = 18;
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 7 * kMostBytes; shift += 7) {
      const auto byte = fixed<uint8_t>();
      if (shift < 64) value |= uint64_t{byte & 0x7fu} << shift;
      if (bits != nullptr) *bits = shift + 7;
      if ((byte & 0x80) == 0) return value;
    }
    fail();
    return 0;
  }

  uint64_t encoded_number(uint8_t format) {
    switch (format) {
      case 0x00:
      case 0x04:
      case 0x0c:
        return fixed<uint64_t>();
      case 0x01:
        return unsigned_number();
      case 0x02:
        return fixed<uint16_t>();
      case 0x03:
        return fixed<uint32_t>();
      case 0x09:
        return static_cast<uint64_t>(signed_number());
      case 0x0a:
        return static_cast<uint64_t>(int64_t{fixed<int16_t>()});
      case 0x0b:
        return static_cast<uint64_t>(int64_t{fixed<int32_t>()});
      default:
        fail();
        return 0;
    }
  }

  std::span<const std::byte> bytes_;
  uint64_t address_;
  bool has_failed_ = false;
};

}  // namespace pagestore

// Reads the memory of a process, wherever its bytes are: in the process itself, or in a snapshot of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace pagestore {

class MemoryReader {
 public:
  // All of the bytes at `address`, or false.
  virtual bool read(uint64_t address, std::span<std::byte> bytes) = 0;

  template <typename T>
  bool read_value(uint64_t address, T* value) {
    return read(address, std::as_writable_bytes(std::span(value, 1)));
  }

 protected:
  ~MemoryReader() = default;
};

}  // namespace pagestore

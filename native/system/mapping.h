// A stretch of address space that unmaps itself: memory that can be refused.
//
// For everything whose size grows with the store. Standard containers would abort the host process
// when memory runs out (there are no exceptions here); a Mapping says no instead: the call returns
// an empty mapping or false, `errno` tells why, and what was there before is unharmed.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <utility>

namespace pagestore {

// Bytes in one page of this system.
size_t page_size();

// `bytes` rounded up to a multiple of `unit`.
constexpr size_t round_up(size_t bytes, size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

class Mapping {
 public:
  Mapping() = default;
  Mapping(Mapping&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  Mapping& operator=(Mapping&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Mapping();

  // Zeroed private memory, touched only when used.
  static Mapping anonymous(size_t bytes);

  // The same, of which nothing counts against a limit of the system until it is used.
  static Mapping unreserved(size_t bytes);

  // A part of a file; `flags` and `protection` as for mmap.
  static Mapping of_file(int fd, size_t offset, size_t bytes, int protection, int flags);

  // Grows or shrinks in place, or moves: pointers into it die. New anonymous memory reads as zero.
  bool resize(size_t bytes);

  // Fresh unreserved memory in the place of a part. False when the system refuses; it is then not to be touched.
  bool renew(size_t offset, size_t bytes);

  // Gives the memory up and leaves zeroes in its place, for whoever may still look. They are nobody's,
  // and cost nothing but addresses.
  void leave_zeroes();

  bool is_mapped() const { return data_ != nullptr; }
  std::byte* data() const { return data_; }
  size_t bytes() const { return bytes_; }

 private:
  Mapping(void* data, size_t bytes);

  std::byte* data_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace pagestore

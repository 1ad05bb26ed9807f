// A range of address space that unmaps itself: memory that the system can refuse.
//
// For everything whose size grows with the store. Standard containers would abort the host process when memory runs out
// (there are no exceptions here). A Mapping reports it instead: the call returns an empty mapping or false, `errno`
// says why, and what was mapped before is unharmed.
//
// It leaves to its caller: to resize and renew only what is mapped, to map whole pages of a file, and to renew whole
// pages.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <utility>

#include "system/page_size.h"

namespace pagestore {

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

  // The same, but nothing of it counts against the system's limits until it is used.
  static Mapping unreserved(size_t bytes);

  // A part of a file; `flags` and `protection` as for mmap.
  static Mapping of_file(int fd, size_t offset, size_t bytes, int protection, int flags);

  // Grows or shrinks in place, or moves: pointers into it become invalid. New anonymous memory reads as zero.
  bool resize(size_t bytes);

  // Replaces a part by fresh unreserved memory. False when the system refuses; nobody may touch that part then.
  bool renew(size_t offset, size_t bytes);

  // Replaces the memory by zeroes and forgets it, for readers that cannot be told to stop. The zeroes stay mapped until
  // the process ends, and cost nothing but addresses.
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

#include "system/mapping.h"

#include <unistd.h>

#include "system/assert.h"

namespace pagestore {

size_t page_size() {
  static const auto size = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return size;
}

Mapping::Mapping(void* data, size_t bytes) {
  if (data == MAP_FAILED) return;
  data_ = static_cast<std::byte*>(data);
  bytes_ = bytes;
}

Mapping::~Mapping() {
  if (data_ != nullptr) munmap(data_, bytes_);
}

Mapping Mapping::anonymous(size_t bytes) {
  bytes = round_up(bytes, page_size());
  return Mapping(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), bytes);
}

Mapping Mapping::unreserved(size_t bytes) {
  bytes = round_up(bytes, page_size());
  return Mapping(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
                 bytes);
}

Mapping Mapping::of_file(int fd, size_t offset, size_t bytes, int protection, int flags) {
  PS_ASSERT(offset % page_size() == 0 && bytes % page_size() == 0);
  return Mapping(mmap(nullptr, bytes, protection, flags, fd, static_cast<off_t>(offset)), bytes);
}

bool Mapping::resize(size_t bytes) {
  PS_ASSERT(is_mapped());
  bytes = round_up(bytes, page_size());
  if (bytes == bytes_) return true;
  void* moved = mremap(data_, bytes_, bytes, MREMAP_MAYMOVE);
  if (moved == MAP_FAILED) return false;
  data_ = static_cast<std::byte*>(moved);
  bytes_ = bytes;
  return true;
}

bool Mapping::renew(size_t offset, size_t bytes) {
  PS_ASSERT(offset % page_size() == 0 && offset + bytes <= bytes_);
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
  return mmap(data_ + offset, bytes, PROT_READ | PROT_WRITE, kFlags, -1, 0) != MAP_FAILED;
}

void Mapping::leave_zeroes() {
  // Should the system refuse even this, the old bytes stay.
  if (data_ != nullptr) static_cast<void>(renew(0, bytes_));
  data_ = nullptr;
  bytes_ = 0;
}

}  // namespace pagestore

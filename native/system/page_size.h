// The size of a page of this system. No code assumes it: it is 4096 bytes on most machines, and up to 65536 on others.
#pragma once

#include <cstddef>

namespace pagestore {

size_t page_size();

// `bytes` rounded up to a multiple of `unit`.
constexpr size_t round_up(size_t bytes, size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

}  // namespace pagestore

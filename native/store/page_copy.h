// Comparing and copying whole pages that will not be used again soon.
//
// It leaves to its caller: to align the target of a copy to 64 bytes, and to call `finish_copies` before another thread
// may read a copy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "system/assert.h"

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

namespace pagestore {

// A page smaller than that will be read again soon, and is cheap to keep in the caches.
inline constexpr size_t kFewBytes = 1024;

inline bool pages_equal(const std::byte* a, const std::byte* b, size_t bytes) {
  return memcmp(a, b, bytes) == 0;
}

inline bool is_zero(const std::byte* page, size_t bytes) {
  constexpr size_t kHead = 64;  // if a page is not zero, one of its first bytes nearly always says so
  static constexpr std::byte zeroes[kHead] = {};
  if (bytes <= kHead) return memcmp(page, zeroes, bytes) == 0;
  return memcmp(page, zeroes, kHead) == 0 && memcmp(page, page + kHead, bytes - kHead) == 0;
}

// Loads the first `lines` cache lines of a page. The processor recognises the pattern and loads the rest by itself.
inline void prefetch_page(const std::byte* page, size_t lines) {
  for (size_t line = 0; line < lines; ++line) __builtin_prefetch(page + line * 64);
}

#if defined(__x86_64__)

// Writes past the caches: the copy is not read again soon, and an ordinary write would first load what it overwrites.
// `from` need not be aligned.
inline void copy_page(std::byte* to, const std::byte* from, size_t bytes) {
  PS_ASSERT(reinterpret_cast<uintptr_t>(to) % 64 == 0);
  if (bytes < kFewBytes) {
    memcpy(to, from, bytes);
    return;
  }
  const auto* source = reinterpret_cast<const __m128i*>(from);
  auto* target = reinterpret_cast<__m128i*>(to);
  for (size_t i = 0; i < bytes / sizeof(__m128i); i += 4) {
    const __m128i a = _mm_loadu_si128(source + i), b = _mm_loadu_si128(source + i + 1);
    const __m128i c = _mm_loadu_si128(source + i + 2), d = _mm_loadu_si128(source + i + 3);
    _mm_stream_si128(target + i, a);
    _mm_stream_si128(target + i + 1, b);
    _mm_stream_si128(target + i + 2, c);
    _mm_stream_si128(target + i + 3, d);
  }
}

inline void finish_copies() {
  _mm_sfence();
}

#else

inline void copy_page(std::byte* to, const std::byte* from, size_t bytes) {
  memcpy(to, from, bytes);
}
inline void finish_copies() {}

#endif

}  // namespace pagestore

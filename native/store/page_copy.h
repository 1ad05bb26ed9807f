// Comparing and copying whole pages, for pages that are used once and not soon again.
#pragma once

#include <cstddef>
#include <cstring>

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

namespace pagestore {

// Below that, a page is a page table: soon read again, and cheap to keep in the caches.
inline constexpr size_t kFewBytes = 1024;

inline bool pages_equal(const std::byte* a, const std::byte* b, size_t bytes) {
  return memcmp(a, b, bytes) == 0;
}

inline bool is_zero(const std::byte* page, size_t bytes) {
  constexpr size_t kHead = 64;  // nearly always tells
  static constexpr std::byte zeroes[kHead] = {};
  if (bytes <= kHead) return memcmp(page, zeroes, bytes) == 0;
  return memcmp(page, zeroes, kHead) == 0 && memcmp(page, page + kHead, bytes - kHead) == 0;
}

// Asks for the first `lines` cache lines of a page: from there on the processor sees the pattern by
// itself.
inline void prefetch_page(const std::byte* page, size_t lines) {
  for (size_t line = 0; line < lines; ++line) __builtin_prefetch(page + line * 64);
}

#if defined(__x86_64__)

// Past the caches: what is stored is not read again soon, and an ordinary store would first fetch
// what it overwrites. `to` is aligned to a page, `from` to nothing. Call `finish_copies` before
// another thread may look.
inline void copy_page(std::byte* to, const std::byte* from, size_t bytes) {
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

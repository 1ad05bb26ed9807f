#include "store/page_hash.h"

#if defined(__x86_64__)
#include "xxh_x86dispatch.h"
#else
#define XXH_INLINE_ALL
#include "xxhash.h"
#endif

namespace pagestore {

#if defined(__x86_64__)

// The dispatcher asks the processor once and keeps a pointer.
uint64_t xxh3(const std::byte* page, size_t bytes) {
  return XXH3_64bits_dispatch(page, bytes);
}

WideHash xxh3_wide(const std::byte* page, size_t bytes, uint64_t seed) {
  const XXH128_hash_t hash = XXH3_128bits_withSeed_dispatch(page, bytes, seed);
  return {hash.low64, hash.high64};
}

const char* hash_instructions() {
  if (__builtin_cpu_supports("avx512f")) return "avx512";
  if (__builtin_cpu_supports("avx2")) return "avx2";
  return "sse2";
}

#else

// The vector unit is part of the architecture: chosen when compiling.
uint64_t xxh3(const std::byte* page, size_t bytes) {
  return XXH3_64bits(page, bytes);
}

WideHash xxh3_wide(const std::byte* page, size_t bytes, uint64_t seed) {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(page, bytes, seed);
  return {hash.low64, hash.high64};
}

const char* hash_instructions() {
  return XXH_VECTOR == XXH_NEON ? "neon" : "scalar";
}

#endif

}  // namespace pagestore

// The hash of one page: XXH3, 64 bits, with the widest vector instructions that this processor has.
//
// Fast, and not cryptographic: it promises only that equal pages have equal hashes. Comparing two pages decides whether
// they are equal. A store takes the function as a parameter, so that tests can give it a bad one.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pagestore {

using PageHash = uint64_t (*)(const std::byte* page, size_t bytes);

uint64_t xxh3(const std::byte* page, size_t bytes);

// XXH3 with 128 bits and a seed: for names that must not depend on anything but the bytes.
struct WideHash {
  uint64_t low, high;
};
WideHash xxh3_wide(const std::byte* page, size_t bytes, uint64_t seed);

// What `xxh3` was found to run on: "avx512", "avx2", "sse2", "neon", or "scalar".
const char* hash_instructions();

}  // namespace pagestore

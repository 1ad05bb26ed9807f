// XXH3 without vector instructions, to compare with.
#define XXH_INLINE_ALL
#define XXH_VECTOR XXH_SCALAR
#include "xxhash.h"

#include "scalar_hash.h"

namespace pagestore::test {

uint64_t scalar_xxh3(const std::byte* page, size_t bytes) {
  return XXH3_64bits(page, bytes);
}

}  // namespace pagestore::test

// The pages that are stored, and the orders in which that is done: the same for every side of a comparison.
//
// The source is ordinary memory in small pages, as a Buffer's or a WebAssembly instance's is, and many times larger
// than the last cache. All of it is touched before anything is measured.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "system/mapping.h"

namespace pagestore::bench {

inline constexpr size_t kHotPages = 256;

// Pages of cold data: 512 MiB of them unless the command line says otherwise. To be set before all else.
size_t pages();
void set_pages(size_t count);

// All pages differ. `source_page(i)` is the i-th.
const std::byte* source();
inline const std::byte* source_page(size_t i) {
  return source() + i * page_size();
}

// 0, 1, 2 and so on, and the same shuffled: alike in every run.
std::vector<uint32_t> in_order(size_t count);
std::vector<uint32_t> shuffled(size_t count);

// `count` numbers below `bound`, alike in every run.
std::vector<uint32_t> random_below(size_t bound, size_t count, uint64_t seed);

// A stored page and the source page of the same content.
struct Pair {
  const std::byte* source;
  const std::byte* stored;
};

}  // namespace pagestore::bench

// The index of a page in its store: neither a count nor an address. Addresses may move, numbers never do.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pagestore {

enum class PageNumber : uint32_t {};

// Names no page. It is also why a store holds at most 2^32 - 1 pages.
inline constexpr PageNumber kNoPage{UINT32_MAX};
inline constexpr size_t kMostPages = UINT32_MAX;

constexpr size_t index_of(PageNumber n) {
  return static_cast<uint32_t>(n);
}
constexpr PageNumber page_number(size_t index) {
  return PageNumber{static_cast<uint32_t>(index)};
}

}  // namespace pagestore

#pragma once

#include <cstddef>
#include <cstdint>

namespace pagestore::test {

uint64_t scalar_xxh3(const std::byte* page, size_t bytes);

}  // namespace pagestore::test

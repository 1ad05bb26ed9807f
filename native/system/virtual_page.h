// The number of a page-sized piece of a memory's address space: an address divided by the size of a page.
#pragma once

#include <cstdint>

namespace pagestore {

using VirtualPage = uint64_t;

}  // namespace pagestore

// The number of a page-sized piece of a memory's address space: an address divided by the size of a page. The store's
// page numbers (store/page_number.h) are something else: they say where a page is stored.
#pragma once

#include <cstdint>

namespace pagestore {

using VirtualPage = uint64_t;

}  // namespace pagestore

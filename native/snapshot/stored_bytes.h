// Any run of bytes as a tree of pages: stored once, like everything else.
//
// For what a snapshot holds beside pages (its regions, the states of threads, the bytes of tracked
// ranges). The length comes first, so that runs which differ only in trailing zeroes differ.
#pragma once

#include <cstddef>
#include <span>

#include "snapshot/page_table.h"

namespace pagestore {

// The tree is the caller's to release.
Status store_bytes(PageStores& stores, std::span<const std::byte> bytes, PageTree* tree);

uint64_t stored_length(PageStores& stores, const PageTree& tree);

// Bytes from `offset` on, which must lie within the stored length.
void read_stored_bytes(PageStores& stores, const PageTree& tree, uint64_t offset, std::span<std::byte> bytes);

// Bytes of a memory at `address`; places without a page read as zero.
void read_memory(PageStores& stores, const PageTree& tree, uint64_t address, std::span<std::byte> bytes);

}  // namespace pagestore

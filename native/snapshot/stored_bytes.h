// Any run of bytes as a tree of pages: stored once, like everything else.
//
// For what a snapshot holds beside pages (its regions, the states of threads, the bytes of tracked
// ranges). The length comes first, so that runs which differ only in trailing zeroes differ.
//
// It leaves to its caller: to hold the stores' lock.
#pragma once

#include <cstddef>
#include <span>

#include "snapshot/tree_edit.h"

namespace pagestore {

// Bytes that come part by part, all under one lock of the stores.
class BytesWriter {
 public:
  // `length` bytes will come.
  BytesWriter(PageStores& stores, uint64_t length);
  ~BytesWriter();

  Status append(std::span<const std::byte> bytes);
  // Bytes of a memory.
  Status append(const PageTree& memory, uint64_t address, uint64_t length);

  // The last call.
  Status finish(OwnedTree* tree);

 private:
  template <typename Fill>
  Status append_parts(uint64_t length, Fill fill);
  Status append_page(PageNumber page, uint64_t from, uint64_t length);
  Status append_zeroes(uint64_t length);
  Status begin_page();
  Status end_page();

  PageStores& stores_;
  TreeEdit edit_;
  uint64_t length_, appended_ = 0;
  VirtualPage next_ = 0;
  PageNumber blank_ = kNoPage;  // the page that is being filled
  size_t filled_ = 0;
};

Status store_bytes(PageStores& stores, std::span<const std::byte> bytes, OwnedTree* tree);

uint64_t stored_length(PageStores& stores, const PageTree& tree);

// Bytes from `offset` on, which must lie within the stored length.
void read_stored_bytes(PageStores& stores, const PageTree& tree, uint64_t offset, std::span<std::byte> bytes);

// Bytes of a memory at `address`; where there is no page, they read as zero.
void read_memory(PageStores& stores, const PageTree& tree, uint64_t address, std::span<std::byte> bytes);

}  // namespace pagestore

// Any run of bytes as a tree of pages: stored once, like everything else.
//
// For what a snapshot has beside pages (its regions, the states of threads, the bytes of tracked ranges). Its length
// comes first, so that runs which differ only in trailing zeroes differ. Pages of zeroes are not stored, and a range of
// a memory costs the pages that it has there, however long it is.
//
//   | length | hash of the bytes | hash of these two | bytes ...
//
// Whoever reads a run back gets what was stored, or an error: then the store is damaged. So a length is believed before
// there is room for so many bytes, and who goes over a list of regions or threads need not doubt the lengths in it.
//
// It leaves to its caller: to have the stores' lock, and to append as many bytes as it has announced.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "snapshot/tree_edit.h"
#include "system/growing_array.h"

namespace pagestore {

// What lies before the bytes.
inline constexpr size_t kStoredHeadBytes = 3 * sizeof(uint64_t);

// Bytes that come part by part, all under one lock of the stores. A run that goes on beyond its first page is only
// compared, and cannot be read back: its hash would take its bytes twice.
class BytesWriter {
 public:
  // `length` bytes will come.
  BytesWriter(PageStores& stores, uint64_t length) : BytesWriter(stores, length, {}) {}

  Status append(std::span<const std::byte> bytes);
  // Bytes of a memory; the range does not wrap around.
  Status append(const PageTree& memory, uint64_t address, uint64_t length);

  // The last call.
  Status finish(OwnedTree* tree);

 private:
  friend Status store_bytes(PageStores& stores, std::span<const std::byte> bytes, OwnedTree* tree);
  BytesWriter(PageStores& stores, uint64_t length, std::optional<uint64_t> hash);
  template <typename Fill>
  Status append_parts(uint64_t length, Fill fill);
  Status append_zeroes(uint64_t length);
  Status begin_page();
  Status end_page();
  void write_head();

  PageStores& stores_;
  TreeEdit edit_;
  uint64_t length_, appended_ = 0;
  std::optional<uint64_t> hash_;  // of all bytes, where it is known from the start
  VirtualPage next_ = 0;
  OwnedBlank blank_;  // the page that is being filled
  size_t filled_ = 0;
};

Status store_bytes(PageStores& stores, std::span<const std::byte> bytes, OwnedTree* tree);

Status stored_length(PageStores& stores, const PageTree& tree, uint64_t* length);

// The bytes of a run, as many as its length. The empty tree has none.
Status read_stored_bytes(PageStores& stores, const PageTree& tree, std::span<std::byte> bytes);
Status read_stored_bytes(PageStores& stores, const PageTree& tree, GrowingArray<std::byte>* bytes);

// Bytes of a memory at `address`; where there is no page, they read as zero.
Status read_memory(PageStores& stores, const PageTree& tree, uint64_t address, std::span<std::byte> bytes);

}  // namespace pagestore

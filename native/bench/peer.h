// What one writes today in C++ when pages are to be stored once: standard containers, and a hash from a library.
//
// It keeps page numbers by hash in an `unordered_map` of `unordered_set`s, counts in a vector, recycled slots in
// another, and the pages in a memfd that is doubled with ftruncate and mremap. It is exact (memcmp decides), it frees
// what is empty, and like the page stores that are built so it hashes a page again in order to remove it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "system/non_copyable.h"
#include "system/scoped_fd.h"

namespace pagestore::bench {

class Peer : NonCopyable {
 public:
  Peer();
  ~Peer();

  size_t store(const std::byte* page);
  void unref(size_t number);

 private:
  std::byte* page(size_t number) const;
  size_t take_slot();
  void resize(size_t pages);

  ScopedFd file_;
  std::byte* base_ = nullptr;
  size_t capacity_ = 0;
  size_t top_ = 0;
  std::vector<uint64_t> counts_;
  std::vector<size_t> free_;
  std::unordered_map<uint64_t, std::unordered_set<size_t>> numbers_;
};

}  // namespace pagestore::bench

#include "peer.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <new>

#include "system/mapping.h"
#define XXH_INLINE_ALL
#include "xxhash.h"

namespace pagestore::bench {

namespace {

constexpr size_t kFirstPages = 512;

uint64_t hash_of(const std::byte* page) {
  return XXH64(page, page_size(), 0);
}

}  // namespace

Peer::Peer() : file_(memfd_create("peer", MFD_CLOEXEC)) {
  resize(kFirstPages);
}

Peer::~Peer() {
  munmap(base_, capacity_ * page_size());
}

std::byte* Peer::page(size_t number) const {
  return base_ + number * page_size();
}

size_t Peer::store(const std::byte* bytes) {
  std::unordered_set<size_t>& candidates = numbers_[hash_of(bytes)];
  for (const size_t number : candidates) {
    if (memcmp(page(number), bytes, page_size()) != 0) continue;
    ++counts_[number];
    return number;
  }
  const size_t number = take_slot();
  memcpy(page(number), bytes, page_size());
  counts_[number] = 1;
  candidates.insert(number);
  return number;
}

void Peer::unref(size_t number) {
  if (--counts_[number] > 0) return;
  const auto entry = numbers_.find(hash_of(page(number)));
  entry->second.erase(number);
  if (entry->second.empty()) numbers_.erase(entry);
  free_.push_back(number);
}

size_t Peer::take_slot() {
  if (!free_.empty()) {
    const size_t number = free_.back();
    free_.pop_back();
    return number;
  }
  if (top_ == capacity_) resize(2 * capacity_);
  counts_.push_back(0);
  return top_++;
}

void Peer::resize(size_t pages) {
  const size_t bytes = pages * page_size();
  if (ftruncate(file_.get(), static_cast<off_t>(bytes)) != 0) throw std::bad_alloc();
  void* base = base_ == nullptr ? mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0)
                                : mremap(base_, capacity_ * page_size(), bytes, MREMAP_MAYMOVE);
  if (base == MAP_FAILED) throw std::bad_alloc();
  base_ = static_cast<std::byte*>(base);
  capacity_ = pages;
}

}  // namespace pagestore::bench

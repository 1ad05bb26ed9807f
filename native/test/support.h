// What all native tests share: pages whose contents are known, statuses that print themselves, and children in which
// limits can be set and users changed without harm to the tests that follow. It needs system/ alone; what tests of
// stores share is in store/stores.h.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <ostream>
#include <span>
#include <vector>

#include "system/mapping.h"
#include "system/status.h"

namespace pagestore {

// Found by gtest when it prints a value.
void PrintTo(const Status& status, std::ostream* out);
std::ostream& operator<<(std::ostream& out, const Status& status);

}  // namespace pagestore

namespace pagestore::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;  // slower, and address space is taken by terabytes
#else
inline constexpr bool kSanitized = false;
#endif

testing::AssertionResult ok(const Status& status);
testing::AssertionResult refused(const Status& status, Error error);

using Bytes = std::vector<std::byte>;

// The page that `content` stands for: as different as can be from that of any other.
void fill_page(std::byte* page, uint64_t content);
Bytes page_of(uint64_t content);
Bytes pages_of(std::span<const uint64_t> contents);
bool page_is(const std::byte* page, uint64_t content);

// first, first + 1, and so on.
std::vector<uint64_t> contents_from(uint64_t first, size_t count);

// Pages in `mebibytes`.
size_t pages_in(size_t mebibytes);

// Maps a page at `address` while it lives, if nothing is mapped there: what grows towards it has to move.
class Obstacle {
 public:
  explicit Obstacle(const std::byte* address);
  ~Obstacle();

 private:
  void* page_;
};

// Runs `body` in a forked child; its failures are this test's.
void in_child(const std::function<void()>& body);

// In a child only: the process may use `bytes` more address space than it does now.
void limit_address_space(size_t bytes);

// Of the mapping that `address` lies in, from /proc/self/smaps: a field in KiB, the flags.
size_t smaps_kibibytes(const void* address, const char* field);
std::string smaps_flags(const void* address);

size_t open_descriptors();
bool is_mapped(const std::byte* page);

}  // namespace pagestore::test

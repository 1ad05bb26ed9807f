// The hash of a page: XXH3, whatever instructions compute it.
#include "store/page_hash.h"

#include <fstream>
#include <set>
#include <sstream>

#include "scalar_hash.h"
#include "support.h"

namespace pagestore::test {
namespace {

TEST(PageHash, IsXxh3WhateverInstructionsComputeIt) {
  for (uint64_t content = 0; content < 2000; ++content) {
    const Bytes page = page_of(content);
    ASSERT_EQ(xxh3(page.data(), page.size()), scalar_xxh3(page.data(), page.size())) << content;
  }
  for (const int byte : {0, 0xff}) {
    const Bytes page(page_size(), static_cast<std::byte>(byte));
    EXPECT_EQ(xxh3(page.data(), page.size()), scalar_xxh3(page.data(), page.size())) << byte;
  }
}

TEST(PageHash, IsTheSameAtAnyAlignment) {
  const Bytes page = page_of(1);
  Bytes shifted(page.size() + 64);
  for (size_t shift = 0; shift < 64; ++shift) {
    std::copy(page.begin(), page.end(), shifted.begin() + static_cast<ptrdiff_t>(shift));
    ASSERT_EQ(xxh3(shifted.data() + shift, page.size()), xxh3(page.data(), page.size())) << shift;
  }
}

TEST(PageHash, DependsOnEveryByte) {
  Bytes page = page_of(1);
  std::set<uint64_t> hashes = {xxh3(page.data(), page.size())};
  for (std::byte& byte : page) {
    byte ^= std::byte{1};
    hashes.insert(xxh3(page.data(), page.size()));
    byte ^= std::byte{1};
  }
  EXPECT_EQ(hashes.size(), page.size() + 1);
}

TEST(PageHash, TheInstructionSetIsChosenAtRunTime) {
#if defined(__x86_64__)
  std::ifstream cpuinfo("/proc/cpuinfo");
  std::string line;
  while (std::getline(cpuinfo, line) && !line.starts_with("flags")) continue;
  std::istringstream words(line);
  const std::set<std::string> flags{std::istream_iterator<std::string>(words), {}};
  ASSERT_TRUE(flags.contains("sse2")) << line;
  const std::string widest = flags.contains("avx512f") ? "avx512" : flags.contains("avx2") ? "avx2" : "sse2";
  EXPECT_EQ(hash_instructions(), widest);
#else
  EXPECT_TRUE(std::set<std::string>({"neon", "scalar"}).contains(hash_instructions()));
#endif
}

}  // namespace
}  // namespace pagestore::test

#include "data.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <random>

namespace pagestore::bench {

namespace {

size_t pages_of_cold_data = (size_t{512} << 20) / page_size();

// SplitMix64 (Steele, Lea, Flood 2014): a different word for each `n`.
uint64_t word(uint64_t n) {
  n += 0x9e3779b97f4a7c15;
  n = (n ^ (n >> 30)) * 0xbf58476d1ce4e5b9;
  n = (n ^ (n >> 27)) * 0x94d049bb133111eb;
  return n ^ (n >> 31);
}

Mapping make_source() {
  Mapping memory = Mapping::anonymous(pages() * page_size());
  if (!memory.is_mapped()) abort();
  auto* words = reinterpret_cast<uint64_t*>(memory.data());
  for (size_t i = 0; i < memory.bytes() / sizeof(uint64_t); ++i) words[i] = word(i);
  return memory;
}

}  // namespace

size_t pages() {
  return pages_of_cold_data;
}

void set_pages(size_t count) {
  pages_of_cold_data = count;
}

const std::byte* source() {
  static const Mapping memory = make_source();
  return memory.data();
}

std::vector<uint32_t> in_order(size_t count) {
  std::vector<uint32_t> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

std::vector<uint32_t> shuffled(size_t count) {
  std::vector<uint32_t> numbers = in_order(count);
  std::shuffle(numbers.begin(), numbers.end(), std::mt19937_64(1));
  return numbers;
}

std::vector<uint32_t> random_below(size_t bound, size_t count, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<uint32_t> numbers(count);
  for (uint32_t& number : numbers) number = static_cast<uint32_t>(random() % bound);
  return numbers;
}

}  // namespace pagestore::bench

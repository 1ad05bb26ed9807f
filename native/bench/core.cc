#include "core.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace pagestore::bench {

void must(const Status& status) {
  if (status.is_ok()) return;
  fprintf(stderr, "pagestore_bench: error %d: %s\n", static_cast<int>(status.error()), status.what());
  exit(1);
}

BackingFile open_backing_file() {
  BackingFile file = open_huge_file();
  return file.fd.is_open() ? std::move(file) : open_memfd();
}

CoreStore::CoreStore() {
  must(store_.open(open_backing_file(), {}));
}

void CoreStore::store(size_t count, size_t batch, std::span<PageNumber> numbers) {
  for (size_t i = 0; i < count; i += batch) {
    must(store_.store(Holder::user, source_page(i), std::min(batch, count - i), &numbers[i]));
  }
}

PageNumber CoreStore::store(const std::byte* page) {
  PageNumber number;
  must(store_.store(Holder::user, page, 1, &number));
  return number;
}

void CoreStore::fill(std::span<const uint32_t> order) {
  for (const uint32_t i : order) store(source_page(i));
}

void CoreStore::ref(std::span<const PageNumber> numbers, size_t batch) {
  for (size_t i = 0; i < numbers.size(); i += batch) {
    must(store_.ref(Holder::user, &numbers[i], std::min(batch, numbers.size() - i)));
  }
}

void CoreStore::unref(std::span<const PageNumber> numbers, size_t batch) {
  for (size_t i = 0; i < numbers.size(); i += batch) {
    must(store_.unref(Holder::user, &numbers[i], std::min(batch, numbers.size() - i)));
  }
}

std::vector<Pair> CoreStore::pairs(std::span<const PageNumber> numbers) const {
  std::vector<Pair> pairs(numbers.size());
  for (size_t i = 0; i < numbers.size(); ++i) {
    pairs[i].source = source_page(i);
    must(store_.page(index_of(numbers[i]), &pairs[i].stored));
  }
  return pairs;
}

}  // namespace pagestore::bench

// The store as these benchmarks use it. A failure ends the run, as nothing can be measured then.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "data.h"
#include "store/page_store.h"
#include "system/status.h"

namespace pagestore::bench {

void must(const Status& status);

// Huge pages where the system has them, as the addon chooses.
BackingFile open_backing_file();

class CoreStore {
 public:
  CoreStore();

  // Stores the first `count` pages of the source, in batches. Their numbers are in `numbers`.
  void store(size_t count, size_t batch, std::span<PageNumber> numbers);

  // Stores one page.
  PageNumber store(const std::byte* page);

  // Stores these pages of the source one by one: the i-th of `order` gets the i-th slot.
  void fill(std::span<const uint32_t> order);

  void ref(std::span<const PageNumber> numbers, size_t batch);
  void unref(std::span<const PageNumber> numbers, size_t batch);
  void unref(PageNumber number) { unref({&number, 1}, 1); }

  // Source and stored page for each of these numbers, the i-th being that of source page i.
  std::vector<Pair> pairs(std::span<const PageNumber> numbers) const;

  StoreStats stats() const { return store_.stats(); }

 private:
  PageStore store_;
};

}  // namespace pagestore::bench

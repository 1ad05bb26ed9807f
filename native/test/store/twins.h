// Two stores with the same past, of which one then sees a call that fails. After that they must report the same of
// themselves, and, whatever both do from then on, give the same numbers.
#pragma once

#include <cstring>
#include <optional>
#include <random>

#include "stores.h"

namespace pagestore::test {

class Twins : public OnEachMemory {
 protected:
  void begin(const StoreOptions& options) {
    store_.emplace(file(), options);
    twin_.emplace(file(), options);
  }
  OpenStore& store() { return *store_; }
  OpenStore& twin() { return *twin_; }

  // A common past: pages with 1, 2 or 3 references, and some recycled slots in a mixed order.
  void give_both_a_past(uint64_t seed, size_t pages) {
    for (OpenStore* each : {&store(), &twin()}) {
      std::mt19937_64 random(seed);
      auto numbers = each->keep(contents_from(0, pages));
      for (const PageNumber n : numbers) {
        for (uint64_t more = random() % 3; more > 0; --more) EXPECT_TRUE(ok(each->ref(&n, 1)));
      }
      for (size_t i = 0; i < pages / 4; ++i) {
        const PageNumber n = numbers[random() % pages];
        for (uint64_t count = each->count(n); count > 0; --count) each->release(n);
      }
    }
    expect_same();
  }

  void expect_same() {
    ASSERT_TRUE(same_stats(store().stats(), twin().stats()));
    const size_t top = this->top();
    for (size_t i = 0; i < top; ++i) {
      const PageNumber n = page_number(i);
      ASSERT_EQ(store().count(n), twin().count(n)) << i;
      if (store().count(n) == 0) continue;
      const std::byte *mine, *others;
      ASSERT_TRUE(ok(store().page(i, &mine)));
      ASSERT_TRUE(ok(twin().page(i, &others)));
      ASSERT_EQ(memcmp(mine, others, page_size()), 0) << i;
    }
  }

  // Goes on with both, and with the order of recycling.
  void expect_same_future(uint64_t seed) {
    std::mt19937_64 random(seed);
    for (int step = 0; step < 300; ++step) {
      std::vector<uint64_t> contents(random() % 4);
      for (uint64_t& content : contents) content = random() % 200;
      std::vector<PageNumber> mine(contents.size()), others(contents.size());
      const Bytes pages = pages_of(contents);
      ASSERT_EQ(store().store(pages.data(), contents.size(), mine.data()).error(),
                twin().store(pages.data(), contents.size(), others.data()).error());
      ASSERT_EQ(mine, others) << "step " << step;
      const PageNumber some[] = {page_number(random() % top()), page_number(random() % top())};
      ASSERT_EQ(store().unref(some, 2).error(), twin().unref(some, 2).error());
    }
    expect_same();
  }

  // Slots that were ever used.
  size_t top() const {
    PageStore::Counts counts;
    return store_->counts_of(UINT64_MAX, &counts).limit();
  }

  PageNumber find_with_count(uint64_t count, size_t from = 0) const {
    for (size_t i = from; i < top(); ++i) {
      if (store_->count(page_number(i)) == count) return page_number(i);
    }
    ADD_FAILURE() << "no page with " << count << " references";
    return page_number(0);
  }

 private:
  std::optional<OpenStore> store_, twin_;
};

}  // namespace pagestore::test

// Random sequences of operations, right and wrong ones, against the plain model.
//
// Also built with counts that overflow at 255.
#include <algorithm>
#include <random>

#include "stores.h"

namespace pagestore::test {
namespace {

using Random = std::mt19937_64;

// What shapes a sequence: the fewer contents, the more duplicates; the smaller the budget, the more
// refusals.
struct Shape {
  const char* name;
  uint64_t contents;
  size_t max_pages;
  size_t batch;
  int steps;
  PageHash hash;
};

uint64_t four_hashes(const std::byte* page, size_t bytes) {
  return xxh3(page, bytes) >> 62 << 62;
}

class RandomOperations : public OnEachMemory {
 protected:
  void run(const Shape& shape, uint64_t seed);

 private:
  static std::vector<PageNumber> some_numbers(const Model& model, size_t most, Random& random);
};

// Mostly of stored pages, now and then of none.
std::vector<PageNumber> RandomOperations::some_numbers(const Model& model, size_t most, Random& random) {
  std::vector<PageNumber> numbers(random() % (most + 1));
  for (PageNumber& n : numbers) {
    n = page_number(random() % 100 == 0 ? random() : random() % (model.slots.size() + 1));
    for (int attempt = 0; attempt < 8 && random() % 16 > 0; ++attempt) {
      if (index_of(n) < model.slots.size() && model.slots[index_of(n)].sum() > 0) break;
      n = page_number(random() % (model.slots.size() + 1));
    }
  }
  return numbers;
}

void RandomOperations::run(const Shape& shape, uint64_t seed) {
  SCOPED_TRACE(testing::Message() << shape.name << ", seed " << seed);
  Random random(seed);
  OpenStore store(file(), {.max_pages = shape.max_pages, .hash = shape.hash});
  Model model(shape.max_pages);
  for (int step = 0; step < shape.steps; ++step) {
    SCOPED_TRACE(step);
    const uint64_t choice = random() % 8;
    const Holder holder = random() % 3 == 0 ? Holder::snapshot : Holder::user;
    if (choice < 4) {
      std::vector<uint64_t> contents(random() % (shape.batch + 1));
      for (uint64_t& content : contents) content = random() % shape.contents;
      std::vector<PageNumber> expected, numbers(contents.size());
      const Error error = model.store(holder, contents, &expected);
      ASSERT_TRUE(refused(store.store(holder, pages_of(contents).data(), contents.size(), numbers.data()), error));
      if (error == Error::none) {
        ASSERT_EQ(numbers, expected);
      }
    } else {
      const auto numbers = some_numbers(model, shape.batch, random);
      const bool more = choice == 4;
      const Error error = more ? model.ref(holder, numbers) : model.unref(holder, numbers);
      ASSERT_TRUE(refused(more ? store.ref(holder, numbers.data(), numbers.size())
                               : store.unref(holder, numbers.data(), numbers.size()),
                          error));
    }
    if (model.slots.size() < 100 || step % 50 == 0) {
      ASSERT_TRUE(agrees(store, model));
      ASSERT_TRUE(store.is_valid());
    }
  }
  ASSERT_TRUE(agrees(store, model));
  // To the last reference.
  for (size_t i = 0; i < model.slots.size(); ++i) {
    const PageNumber n = page_number(i);
    for (const Holder holder : {Holder::user, Holder::snapshot}) {
      for (uint64_t left = model.slots[i].count(holder); left > 0; --left) ASSERT_TRUE(ok(store.unref(holder, &n, 1)));
    }
  }
  EXPECT_EQ(store.size(), 0u);
  EXPECT_EQ(store.stats().references, 0u);
  EXPECT_TRUE(store.is_valid());
}
ON_EACH_MEMORY(RandomOperations);

TEST_P(RandomOperations, AgreeWithAPlainModel) {
  const Shape shapes[] = {
      {"few pages", 12, 10, 6, 600, xxh3},
      {"few pages, one hash", 40, 30, 12, 400, constant_hash},
      {"few pages, four hashes", 60, 50, 30, 400, four_hashes},
      {"many references", 6, kMostPages, 200, 400, xxh3},
      {"one page", 1, 1, 8, 300, xxh3},
  };
  for (const Shape& shape : shapes) {
    for (uint64_t seed = 1; seed <= 4; ++seed) {
      run(shape, seed);
      if (HasFatalFailure()) return;
    }
  }
}

TEST_P(RandomOperations, AgreeWithAPlainModelWhileTheStoreGrows) {
  const Shape shapes[] = {
      {"to the budget", 4000, pages_in(2) * 5, 100, 200, xxh3},
      {"without end", 100'000, kMostPages, 100, 300, xxh3},
  };
  for (const Shape& shape : shapes) {
    run(shape, 1);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace pagestore::test

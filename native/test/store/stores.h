// What the tests of stores share: files of both kinds, stores that are open, and a plain model of a store.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "store/page_memory.h"
#include "store/page_store.h"
#include "support.h"

namespace pagestore {

// Found by gtest when it prints a value.
void PrintTo(PageNumber number, std::ostream* out);

}  // namespace pagestore

namespace pagestore::test {

// A bad hash function: one value for all. And a good one that counts how often it was asked.
inline constexpr uint64_t kConstantHash = 0x1234'5678'9abc'def0;
uint64_t constant_hash(const std::byte* page, size_t bytes);
uint64_t counting_hash(const std::byte* page, size_t bytes);
extern uint64_t hashes_counted;

// Every test of a suite that derives from this runs on both kinds of memory.
class OnEachMemory : public testing::TestWithParam<MemoryKind> {
 protected:
  void SetUp() override;

  // A fresh file of the kind that is being tested.
  BackingFile file() const;
};
std::string name_of_kind(const testing::TestParamInfo<MemoryKind>& kind);
#define ON_EACH_MEMORY(Suite) \
  INSTANTIATE_TEST_SUITE_P(, Suite, testing::Values(MemoryKind::huge, MemoryKind::memfd), name_of_kind)

// A store that is open, in the words of tests: what is stored is named by its content. Where no holder is named, users
// are.
class OpenStore : public PageStore {
 public:
  explicit OpenStore(BackingFile file, const StoreOptions& options = {});

  using PageStore::ref;
  using PageStore::store;
  using PageStore::unref;
  Status store(const std::byte* pages, size_t count, PageNumber* numbers) {
    return store(Holder::user, pages, count, numbers);
  }
  Status ref(const PageNumber* numbers, size_t count) { return ref(Holder::user, numbers, count); }
  Status unref(const PageNumber* numbers, size_t count) { return unref(Holder::user, numbers, count); }

  // Stores what must be stored.
  PageNumber keep(uint64_t content);
  std::vector<PageNumber> keep(std::span<const uint64_t> contents);
  // Tries to.
  Status offer(std::span<const uint64_t> contents);

  void release(PageNumber n);
  void release(std::span<const PageNumber> numbers);

  uint64_t count(PageNumber n, Holder holder = Holder::user) const;
  bool has(PageNumber n, uint64_t content) const;  // `n` is in use, and these are its bytes
  const std::byte* base() const;                   // slot 0 must be in use
};

// Equal in every figure, those excepted that only say how much room was made.
testing::AssertionResult same_stats(const StoreStats& a, const StoreStats& b);
testing::AssertionResult same_room(const StoreStats& a, const StoreStats& b);

// What a store is, said plainly: every number and every error can be foretold.
struct Model {
  explicit Model(size_t most_pages) : max_pages(most_pages) {}

  size_t max_pages;
  struct Slot {
    uint64_t content = 0;
    uint64_t users = 0, snapshots = 0;

    uint64_t& count(Holder holder) { return holder == Holder::user ? users : snapshots; }
    uint64_t sum() const { return users + snapshots; }
  };
  std::vector<Slot> slots;  // those that were ever used
  std::vector<uint32_t> free;
  std::map<uint64_t, uint32_t> numbers;  // of what is stored
  uint64_t references = 0;
  uint64_t duplicates = 0;

  // On an error nothing changes.
  Error store(Holder holder, std::span<const uint64_t> contents, std::vector<PageNumber>* result);
  Error ref(Holder holder, std::span<const PageNumber> pages);
  Error unref(Holder holder, std::span<const PageNumber> pages);

 private:
  Error store_one(Holder holder, uint64_t content, std::vector<PageNumber>* result);
  Error ref_one(Holder holder, PageNumber n);
  bool unref_one(Holder holder, PageNumber n);
  bool is_used(PageNumber n) const { return index_of(n) < slots.size() && slots[index_of(n)].sum() > 0; }
};

// Counts, sizes, contents and errors of all that the model knows.
testing::AssertionResult agrees(const PageStore& store, const Model& model);

}  // namespace pagestore::test

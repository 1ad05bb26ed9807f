#include "stores.h"

#include <cerrno>
#include <cstring>

namespace pagestore {

void PrintTo(PageNumber number, std::ostream* out) {
  *out << "page " << index_of(number);
}

}  // namespace pagestore

namespace pagestore::test {

uint64_t constant_hash(const std::byte*, size_t) {
  return kConstantHash;
}

uint64_t hashes_counted = 0;
uint64_t counting_hash(const std::byte* page, size_t bytes) {
  ++hashes_counted;
  return xxh3(page, bytes);
}

void OnEachMemory::SetUp() {
  if (GetParam() == MemoryKind::huge && !open_huge_file().fd.is_open()) {
    GTEST_SKIP() << "no huge files on this system: " << strerror(errno);
  }
}

BackingFile OnEachMemory::file() const {
  return GetParam() == MemoryKind::huge ? open_huge_file() : open_memfd();
}

std::string name_of_kind(const testing::TestParamInfo<MemoryKind>& kind) {
  return kind.param == MemoryKind::huge ? "huge" : "memfd";
}

OpenStore::OpenStore(BackingFile file, const StoreOptions& options) {
  EXPECT_TRUE(ok(open(std::move(file), options)));
}

PageNumber OpenStore::keep(uint64_t content) {
  return keep(std::span(&content, 1))[0];
}

std::vector<PageNumber> OpenStore::keep(std::span<const uint64_t> contents) {
  std::vector<PageNumber> numbers(contents.size(), kNoPage);
  EXPECT_TRUE(ok(store(pages_of(contents).data(), contents.size(), numbers.data())));
  return numbers;
}

Status OpenStore::offer(std::span<const uint64_t> contents) {
  std::vector<PageNumber> numbers(contents.size());
  return store(pages_of(contents).data(), contents.size(), numbers.data());
}

void OpenStore::release(PageNumber n) {
  release(std::span(&n, 1));
}

void OpenStore::release(std::span<const PageNumber> numbers) {
  EXPECT_TRUE(ok(unref(numbers.data(), numbers.size())));
}

uint64_t OpenStore::count(PageNumber n, Holder holder) const {
  Counts counts;
  EXPECT_TRUE(ok(counts_of(index_of(n), &counts)));
  return holder == Holder::user ? counts.users : counts.snapshots;
}

bool OpenStore::has(PageNumber n, uint64_t content) const {
  const std::byte* bytes;
  return page(index_of(n), &bytes).is_ok() && page_is(bytes, content);
}

const std::byte* OpenStore::base() const {
  const std::byte* bytes = nullptr;
  EXPECT_TRUE(ok(page(0, &bytes)));
  return bytes;
}

testing::AssertionResult same_stats(const StoreStats& a, const StoreStats& b) {
  if (a.pages == b.pages && a.references == b.references && a.duplicates == b.duplicates &&
      a.collisions == b.collisions && a.memory == b.memory) {
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << "pages " << a.pages << " and " << b.pages << ", references " << a.references
                                     << " and " << b.references << ", duplicates " << a.duplicates << " and "
                                     << b.duplicates << ", collisions " << a.collisions << " and " << b.collisions;
}

testing::AssertionResult same_room(const StoreStats& a, const StoreStats& b) {
  if (a.capacity == b.capacity && a.bookkeeping_bytes == b.bookkeeping_bytes && a.growths == b.growths &&
      a.moves == b.moves) {
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << "capacity " << a.capacity << " and " << b.capacity << ", bookkeeping "
                                     << a.bookkeeping_bytes << " and " << b.bookkeeping_bytes << ", growths "
                                     << a.growths << " and " << b.growths << ", moves " << a.moves << " and "
                                     << b.moves;
}

Error Model::store(Holder holder, std::span<const uint64_t> contents, std::vector<PageNumber>* result) {
  const Model before = *this;
  for (const uint64_t content : contents) {
    if (const Error error = store_one(holder, content, result); error != Error::none) {
      *this = before;
      return error;
    }
  }
  return Error::none;
}

Error Model::store_one(Holder holder, uint64_t content, std::vector<PageNumber>* result) {
  const auto known = numbers.find(content);
  if (known != numbers.end()) {
    result->push_back(page_number(known->second));
    uint64_t& count = slots[known->second].count(holder);
    if (count == PageStore::kMostReferences) return Error::reference_count;
    ++count;
    ++duplicates;
  } else {
    if (numbers.size() == max_pages) return Error::out_of_memory;
    auto number = static_cast<uint32_t>(slots.size());
    if (free.empty()) {
      slots.emplace_back();
    } else {
      number = free.back();
      free.pop_back();
    }
    slots[number] = {.content = content};
    slots[number].count(holder) = 1;
    numbers[content] = number;
    result->push_back(page_number(number));
  }
  ++references;
  return Error::none;
}

Error Model::ref(Holder holder, std::span<const PageNumber> pages) {
  const Model before = *this;
  for (const PageNumber n : pages) {
    if (const Error error = ref_one(holder, n); error != Error::none) {
      *this = before;
      return error;
    }
  }
  return Error::none;
}

Error Model::ref_one(Holder holder, PageNumber n) {
  if (!is_used(n)) return Error::page_number;
  uint64_t& count = slots[index_of(n)].count(holder);
  if (count == PageStore::kMostReferences) return Error::reference_count;
  ++count;
  ++references;
  return Error::none;
}

Error Model::unref(Holder holder, std::span<const PageNumber> pages) {
  const Model before = *this;
  for (const PageNumber n : pages) {
    if (unref_one(holder, n)) continue;
    *this = before;
    return is_used(n) ? Error::not_owned : Error::page_number;
  }
  return Error::none;
}

bool Model::unref_one(Holder holder, PageNumber n) {
  if (!is_used(n)) return false;
  Slot& slot = slots[index_of(n)];
  uint64_t& count = slot.count(holder);
  if (count == 0) return false;
  --count;
  --references;
  if (slot.sum() > 0) return true;
  numbers.erase(slot.content);
  free.push_back(static_cast<uint32_t>(index_of(n)));
  return true;
}

testing::AssertionResult agrees(const PageStore& store, const Model& model) {
  const StoreStats stats = store.stats();
  if (store.size() != model.numbers.size() || stats.pages != model.numbers.size() ||
      stats.references != model.references || stats.duplicates != model.duplicates) {
    return testing::AssertionFailure() << stats.pages << " pages, " << stats.references << " references, "
                                       << stats.duplicates << " duplicates instead of " << model.numbers.size() << ", "
                                       << model.references << ", " << model.duplicates;
  }
  PageStore::Counts counts;
  for (size_t i = 0; i < model.slots.size(); ++i) {
    const Model::Slot& slot = model.slots[i];
    if (!store.counts_of(i, &counts).is_ok() || counts.users != slot.users || counts.snapshots != slot.snapshots) {
      return testing::AssertionFailure() << "page " << i << " has " << uint64_t{counts.users}
                                         << " references of users and " << uint64_t{counts.snapshots}
                                         << " of snapshots instead of " << slot.users << " and " << slot.snapshots;
    }
    const std::byte* bytes;
    const Status found = store.page(i, &bytes);
    if (counts.sum() == 0 ? found.error() != Error::page_number
                          : !found.is_ok() || !page_is(bytes, model.slots[i].content)) {
      return testing::AssertionFailure() << "page " << i << " is not content " << model.slots[i].content << ": "
                                         << found;
    }
  }
  if (store.counts_of(model.slots.size(), &counts).error() != Error::page_number) {
    return testing::AssertionFailure() << "more than " << model.slots.size() << " slots were used";
  }
  return testing::AssertionSuccess();
}

}  // namespace pagestore::test

#include "support.h"

#include <dirent.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>

namespace pagestore {

std::ostream& operator<<(std::ostream& out, const Status& status) {
  static const char* const names[] = {"ok",           "out of memory", "page number", "reference count",
                                      "capacity",     "store closed",  "address",     "memory size",
                                      "process gone", "permission",    "tracker",     "process memory",
                                      "tracee",       "wrong thread",  "thread",      "threads",
                                      "mapping",      "choice",        "spawn"};
  out << names[static_cast<int>(status.error())];
  if (status.is_ok()) return out;
  return out << " (" << status.what() << ", value " << status.value() << ", limit " << status.limit() << ", errno "
             << strerror(status.error_number()) << ")";
}
void PrintTo(const Status& status, std::ostream* out) {
  *out << status;
}
void PrintTo(PageNumber number, std::ostream* out) {
  *out << "page " << index_of(number);
}

}  // namespace pagestore

namespace pagestore::test {

testing::AssertionResult ok(const Status& status) {
  return refused(status, Error::none);
}

testing::AssertionResult refused(const Status& status, Error error) {
  if (status.error() == error) return testing::AssertionSuccess() << status;
  return testing::AssertionFailure() << status;
}

namespace {

// Most of the time that these tests take. Nobody else sees what is written here, so it is hidden from
// ThreadSanitizer.
__attribute__((no_sanitize("thread"))) const uint64_t* words_of(uint64_t content) {
  thread_local std::vector<uint64_t> words(page_size() / sizeof(uint64_t));
  uint64_t* word = words.data();
  uint64_t* const end = word + words.size();
  // splitmix64: every word depends on all of `content`
  for (uint64_t state = content * 0x9e37'79b9'7f4a'7c15 + 1; word != end; ++word) {
    uint64_t mixed = state += 0x9e37'79b9'7f4a'7c15;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58'476d'1ce4'e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d0'49bb'1331'11eb;
    *word = mixed ^ (mixed >> 31);
  }
  return words.data();
}

}  // namespace

void fill_page(std::byte* page, uint64_t content) {
  memcpy(page, words_of(content), page_size());
}

Bytes page_of(uint64_t content) {
  Bytes page(page_size());
  fill_page(page.data(), content);
  return page;
}

Bytes pages_of(std::span<const uint64_t> contents) {
  Bytes pages(contents.size() * page_size());
  for (size_t i = 0; i < contents.size(); ++i) {
    fill_page(pages.data() + i * page_size(), contents[i]);
  }
  return pages;
}

bool page_is(const std::byte* page, uint64_t content) {
  return memcmp(page, words_of(content), page_size()) == 0;
}

std::vector<uint64_t> contents_from(uint64_t first, size_t count) {
  std::vector<uint64_t> contents(count);
  for (size_t i = 0; i < count; ++i) contents[i] = first + i;
  return contents;
}

size_t pages_in(size_t mebibytes) {
  return (mebibytes << 20) / page_size();
}

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

BackingFile OnEachMemory::file(uint64_t bytes) const {
  return GetParam() == MemoryKind::huge ? open_huge_file(bytes) : open_memfd();
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

void OpenStore::let_go(PageNumber n) {
  let_go(std::span(&n, 1));
}

void OpenStore::let_go(std::span<const PageNumber> numbers) {
  EXPECT_TRUE(ok(unref(numbers.data(), numbers.size())));
}

uint64_t OpenStore::count(PageNumber n) const {
  Count count = 0;
  EXPECT_TRUE(ok(count_of(index_of(n), &count)));
  return count;
}

bool OpenStore::holds(PageNumber n, uint64_t content) const {
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

Error Model::store(std::span<const uint64_t> contents, std::vector<PageNumber>* result) {
  const Model before = *this;
  for (const uint64_t content : contents) {
    if (const Error error = store_one(content, result); error != Error::none) {
      *this = before;
      return error;
    }
  }
  return Error::none;
}

Error Model::store_one(uint64_t content, std::vector<PageNumber>* result) {
  const auto known = numbers.find(content);
  if (known != numbers.end()) {
    result->push_back(page_number(known->second));
    if (slots[known->second].count == PageStore::kMostReferences) return Error::reference_count;
    ++slots[known->second].count;
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
    slots[number] = {content, 1};
    numbers[content] = number;
    result->push_back(page_number(number));
  }
  ++references;
  return Error::none;
}

Error Model::ref(std::span<const PageNumber> pages) {
  const Model before = *this;
  for (const PageNumber n : pages) {
    if (const Error error = ref_one(n); error != Error::none) {
      *this = before;
      return error;
    }
  }
  return Error::none;
}

Error Model::ref_one(PageNumber n) {
  if (!is_used(n)) return Error::page_number;
  if (slots[index_of(n)].count == PageStore::kMostReferences) return Error::reference_count;
  ++slots[index_of(n)].count;
  ++references;
  return Error::none;
}

Error Model::unref(std::span<const PageNumber> pages) {
  const Model before = *this;
  for (const PageNumber n : pages) {
    if (const Error error = unref_one(n); error != Error::none) {
      *this = before;
      return error;
    }
  }
  return Error::none;
}

Error Model::unref_one(PageNumber n) {
  if (!is_used(n)) return Error::page_number;
  Slot& slot = slots[index_of(n)];
  --references;
  if (--slot.count > 0) return Error::none;
  numbers.erase(slot.content);
  free.push_back(static_cast<uint32_t>(index_of(n)));
  return Error::none;
}

testing::AssertionResult agrees(const PageStore& store, const Model& model) {
  const StoreStats stats = store.stats();
  if (store.size() != model.numbers.size() || stats.pages != model.numbers.size() ||
      stats.references != model.references || stats.duplicates != model.duplicates) {
    return testing::AssertionFailure() << stats.pages << " pages, " << stats.references << " references, "
                                       << stats.duplicates << " duplicates instead of " << model.numbers.size() << ", "
                                       << model.references << ", " << model.duplicates;
  }
  PageStore::Count count = 0;
  for (size_t i = 0; i < model.slots.size(); ++i) {
    if (!store.count_of(i, &count).is_ok() || count != model.slots[i].count) {
      return testing::AssertionFailure() << "page " << i << " has " << uint64_t{count} << " references instead of "
                                         << model.slots[i].count;
    }
    const std::byte* bytes;
    const Status found = store.page(i, &bytes);
    if (count == 0 ? found.error() != Error::page_number : !found.is_ok() || !page_is(bytes, model.slots[i].content)) {
      return testing::AssertionFailure() << "page " << i << " is not content " << model.slots[i].content << ": "
                                         << found;
    }
  }
  if (store.count_of(model.slots.size(), &count).error() != Error::page_number) {
    return testing::AssertionFailure() << "more than " << model.slots.size() << " slots were used";
  }
  return testing::AssertionSuccess();
}

Obstacle::Obstacle(const std::byte* address)
    : page_(mmap(const_cast<std::byte*>(address), page_size(), PROT_NONE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0)) {
  EXPECT_TRUE(page_ == address || errno == EEXIST) << strerror(errno);
}

Obstacle::~Obstacle() {
  if (page_ != MAP_FAILED) munmap(page_, page_size());
}

void in_child(const std::function<void()>& body) {
  fflush(stdout);
  const pid_t child = fork();
  ASSERT_GE(child, 0) << strerror(errno);
  if (child == 0) {
    body();
    fflush(stdout);
    _exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0)
      << (WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "the child's failures are above");
}

void limit_address_space(size_t bytes) {
  size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_AS, &limit), 0);
  limit.rlim_cur = pages * page_size() + bytes;
  ASSERT_EQ(setrlimit(RLIMIT_AS, &limit), 0) << strerror(errno);
}

namespace {

// The lines about one mapping that start with `field`.
std::string smaps_line(const void* address, const std::string& field) {
  std::ifstream smaps("/proc/self/smaps");
  std::string line;
  bool is_ours = false;
  const auto wanted = reinterpret_cast<uintptr_t>(address);
  while (std::getline(smaps, line)) {
    uintptr_t start, end;
    if (sscanf(line.c_str(), "%lx-%lx ", &start, &end) == 2) {
      is_ours = start <= wanted && wanted < end;
    } else if (is_ours && line.starts_with(field + ":")) {
      return line.substr(field.size() + 1);
    }
  }
  ADD_FAILURE() << "no " << field << " for " << address;
  return "";
}

}  // namespace

size_t smaps_kibibytes(const void* address, const char* field) {
  size_t kibibytes = 0;
  std::istringstream(smaps_line(address, field)) >> kibibytes;
  return kibibytes;
}

std::string smaps_flags(const void* address) {
  return smaps_line(address, "VmFlags") + " ";
}

size_t open_descriptors() {
  DIR* directory = opendir("/proc/self/fd");
  size_t count = 0;
  while (readdir(directory) != nullptr) ++count;
  closedir(directory);
  return count;
}

bool is_mapped(const std::byte* page) {
  unsigned char resident;
  return mincore(const_cast<std::byte*>(page), page_size(), &resident) == 0;
}

}  // namespace pagestore::test

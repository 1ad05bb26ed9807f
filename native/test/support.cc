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

namespace {

const char* name_of(Error error) {
  switch (error) {
    case Error::none:
      return "ok";
    case Error::out_of_memory:
      return "out of memory";
    case Error::page_number:
      return "page number";
    case Error::not_owned:
      return "not owned";
    case Error::reference_count:
      return "reference count";
    case Error::damaged:
      return "damaged";
    case Error::capacity:
      return "capacity";
    case Error::store_closed:
      return "store closed";
    case Error::not_captured:
      return "not captured";
    case Error::layout:
      return "layout";
    case Error::address:
      return "address";
    case Error::memory_size:
      return "memory size";
    case Error::process_gone:
      return "process gone";
    case Error::permission:
      return "permission";
    case Error::tracker:
      return "tracker";
    case Error::process_memory:
      return "process memory";
    case Error::tracee:
      return "tracee";
    case Error::wrong_thread:
      return "wrong thread";
    case Error::thread:
      return "thread";
    case Error::threads:
      return "threads";
    case Error::child:
      return "child";
    case Error::mapping:
      return "mapping";
    case Error::files:
      return "files";
    case Error::thread_files:
      return "thread files";
    case Error::choice:
      return "choice";
    case Error::spawn:
      return "spawn";
  }
  return "unknown";
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Status& status) {
  out << name_of(status.error());
  if (status.is_ok()) return out;
  return out << " (" << status.what() << ", value " << status.value() << ", limit " << status.limit() << ", errno "
             << strerror(status.error_number()) << ")";
}
void PrintTo(const Status& status, std::ostream* out) {
  *out << status;
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

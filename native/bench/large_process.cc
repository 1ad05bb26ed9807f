#include "large_process.h"

#include <benchmark/benchmark.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "data.h"

namespace pagestore::bench {

namespace {

constexpr size_t kForkInstead = SIZE_MAX;

double nanoseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
}

template <typename T>
T must_read(int fd) {
  T value;
  if (read(fd, &value, sizeof(value)) != sizeof(value)) exit(1);
  return value;
}

template <typename T>
void must_write(int fd, const T& value) {
  if (write(fd, &value, sizeof(value)) != sizeof(value)) exit(1);
}

}  // namespace

LargeProcess::LargeProcess(size_t pages) {
  int there[2], back[2];
  if (pipe(there) != 0 || pipe(back) != 0) exit(1);
  pid_ = fork();
  if (pid_ == 0) {
    dup2(there[0], 0);
    dup2(back[1], 1);
    const std::string argument = kLargeProcess + std::to_string(pages);
    execl("/proc/self/exe", "pagestore_bench", argument.c_str(), nullptr);
    _exit(1);
  }
  close(there[0]);
  close(back[1]);
  to_ = there[1];
  from_ = back[0];
  memory_ = must_read<AddressRange>(from_);
}

LargeProcess::~LargeProcess() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  close(to_);
  close(from_);
}

double LargeProcess::ask(size_t pages) {
  must_write(to_, pages);
  return must_read<double>(from_);
}

void LargeProcess::dirty(size_t pages) {
  ask(pages);
}

double LargeProcess::fork_time() {
  return ask(kForkInstead);
}

int be_large_process(size_t pages) {
  const size_t bytes = pages * page_size();
  auto* memory =
      static_cast<uint64_t*>(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (memory == MAP_FAILED) return 1;
  const size_t words = page_size() / sizeof(uint64_t);
  uint64_t state = 1;
  for (size_t i = 0; i < pages * words; ++i) memory[i] = state = state * 6364136223846793005 + 1442695040888963407;
  const auto start = reinterpret_cast<uint64_t>(memory);
  must_write(1, AddressRange{start, start + bytes});
  for (uint64_t round = 1;; ++round) {
    const auto wanted = must_read<size_t>(0);
    const auto began = std::chrono::steady_clock::now();
    if (wanted == kForkInstead) {
      const pid_t child = fork();
      if (child == 0) _exit(0);
      waitpid(child, nullptr, 0);
    } else {
      for (const uint32_t page : random_below(pages, wanted, round)) memory[page * words + 7] += round;
    }
    must_write(1, nanoseconds_since(began));
  }
}

}  // namespace pagestore::bench

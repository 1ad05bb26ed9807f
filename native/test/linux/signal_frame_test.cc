// Of a signal's frame, what nobody wrote is left out, and nothing else: shown by frames on stacks that held other
// bytes.
#include "linux/unwind/signal_frame.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "support.h"

namespace pagestore::test {
namespace {

constexpr size_t kStackBytes = 256 * 1024;
constexpr uint64_t kMostAbove = 64;  // so far above what it reads a frame may seem to end

// What the handler of the test's signal saw: the stack as the kernel and it left it, and where its frame is.
std::byte* stack_start;
std::vector<std::byte>* seen;
uint64_t frame_at;

void note_stack(uint64_t frame) {
  frame_at = frame;
  // Copied without a call that would use this stack: below us lies nothing that matters.
  const volatile auto* from = reinterpret_cast<const volatile std::byte*>(stack_start);
  for (size_t i = 0; i < kStackBytes; ++i) (*seen)[i] = from[i];
}

#if defined(__x86_64__)
constexpr uint64_t kSignalAt = 304;
bool is_of_fault(uint64_t offset) {
  return (offset >= 192 && offset < 208) || (offset >= 216 && offset < 224);
}
#else
constexpr uint64_t kSignalAt = 0;
bool is_of_fault(uint64_t offset) {
  return offset >= 304 && offset < 312;
}
#endif

void handle_with_context(int, siginfo_t*, void* context) {
  // On x86-64 the signal's number and the rest follow the context; elsewhere they come first.
  note_stack(reinterpret_cast<uint64_t>(context) - (kSignalAt == 0 ? sizeof(siginfo_t) : 0));
}

class StackBytes final : public MemoryReader {
 public:
  explicit StackBytes(const std::vector<std::byte>& bytes) : bytes_(bytes) {}
  bool read(uint64_t address, std::span<std::byte> to) override {
    const uint64_t start = reinterpret_cast<uint64_t>(stack_start);
    if (address < start || address - start > bytes_.size() || to.size() > bytes_.size() - (address - start))
      return false;
    memcpy(to.data(), bytes_.data() + (address - start), to.size());
    return true;
  }

 private:
  const std::vector<std::byte>& bytes_;
};

std::byte fill(size_t i, bool inverted) {
  return static_cast<std::byte>((i * 151 + i / 256 * 57) ^ (inverted ? 0xff : 0));
}

#if defined(__x86_64__)

// With something in all registers, or else a part of the frame is as good as unwritten.
__attribute__((target("avx"))) void send_with_avx(pid_t process, pid_t thread) {
  int64_t result = SYS_tgkill;
  __asm__ volatile(
      "vcmpps $15, %%ymm0, %%ymm0, %%ymm0\n\tvmovaps %%ymm0, %%ymm7\n\tvmovaps %%ymm0, %%ymm15\n\tsyscall\n\tvzeroall"
      : "+a"(result)
      : "D"(process), "S"(thread), "d"(SIGUSR1)
      : "rcx", "r11", "memory", "xmm0", "xmm7", "xmm15");
}

__attribute__((target("avx512f"))) void send_with_avx512(pid_t process, pid_t thread) {
  int64_t result = SYS_tgkill;
  __asm__ volatile(
      "kxnorw %%k1, %%k1, %%k1\n\tvpternlogd $255, %%zmm0, %%zmm0, %%zmm0\n\tvmovaps %%zmm0, %%zmm15\n\t"
      "vmovaps %%zmm0, %%zmm16\n\tvmovaps %%zmm0, %%zmm31\n\tsyscall\n\t"
      "vpxord %%zmm16, %%zmm16, %%zmm16\n\tvpxord %%zmm31, %%zmm31, %%zmm31\n\tvzeroall"
      : "+a"(result)
      : "D"(process), "S"(thread), "d"(SIGUSR1)
      : "rcx", "r11", "memory", "k1", "xmm0", "xmm15", "xmm16", "xmm31");
}

void send_signal() {
  const auto thread = static_cast<pid_t>(syscall(SYS_gettid));
  if (__builtin_cpu_supports("avx512f")) {
    send_with_avx512(getpid(), thread);
  } else if (__builtin_cpu_supports("avx")) {
    send_with_avx(getpid(), thread);
  } else {
    raise(SIGUSR1);
  }
}

#else

void send_signal() {
  raise(SIGUSR1);
}

#endif

struct Seen {
  std::vector<std::byte> stack = std::vector<std::byte>(kStackBytes);
  uint64_t frame = 0;
};

class SignalFrames : public testing::Test {
 protected:
  void SetUp() override {
    void* room = mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(room, MAP_FAILED);
    stack_start = static_cast<std::byte*>(room);
    struct sigaction action {};
    action.sa_sigaction = handle_with_context;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    ASSERT_EQ(sigaction(SIGUSR1, &action, &before_), 0);
    stack_t stack{};
    stack.ss_sp = room;
    stack.ss_size = kStackBytes;
    ASSERT_EQ(sigaltstack(&stack, &stack_before_), 0);
  }
  void TearDown() override {
    sigaltstack(&stack_before_, nullptr);
    sigaction(SIGUSR1, &before_, nullptr);
    munmap(stack_start, kStackBytes);
  }

  // Written byte by byte: else registers of vectors hold what the stack holds.
  static void take_signal(bool inverted, Seen* result) {
    auto* to = reinterpret_cast<volatile std::byte*>(stack_start);
    for (size_t i = 0; i < kStackBytes; ++i) to[i] = fill(i, inverted);
    seen = &result->stack;
    frame_at = 0;
    send_signal();
    ASSERT_NE(frame_at, 0u);
    result->frame = frame_at;
  }

 private:
  struct sigaction before_ {};
  stack_t stack_before_{};
};

TEST_F(SignalFrames, LeaveOutWhatNobodyWroteAndNothingElse) {
  Seen first, second;
  take_signal(false, &first);
  take_signal(true, &second);
  ASSERT_EQ(first.frame, second.frame);
  StackBytes bytes(first.stack);
  SignalFrame frame;
  ASSERT_TRUE(read_signal_frame(first.frame, bytes, &frame));
  EXPECT_EQ(frame.signal, SIGUSR1);
  EXPECT_EQ(frame.alternate.start, reinterpret_cast<uint64_t>(stack_start));
  EXPECT_EQ(frame.alternate.length(), kStackBytes);
  EXPECT_EQ(frame.blocked >> (SIGUSR1 - 1) & 1, 0u);

  const auto is_left_out = [&](uint64_t address) {
    return std::ranges::any_of(frame.leftovers.ranges(), [&](const AddressRange& range) {
      return range.start <= address && address < range.end;
    });
  };
  size_t unwritten = 0;
  for (uint64_t address = first.frame; address < frame.alternate.end; ++address) {
    const size_t i = address - frame.alternate.start;
    const bool is_unwritten = first.stack[i] == fill(i, false) && second.stack[i] == fill(i, true);
    unwritten += is_unwritten ? 1 : 0;
    // What is not in use may be written or not, and is zero where it is; above, all of it that has a name is.
    const bool is_right =
        is_unwritten ? is_left_out(address)
                     : !is_left_out(address) || first.stack[i] == std::byte{0} || is_of_fault(address - first.frame);
    EXPECT_TRUE(is_right) << "byte " << address - first.frame << " of the frame";
  }
  EXPECT_GT(unwritten, 64u);
}

// A handler without SA_SIGINFO is told nothing of its signal, which no byte of the frame shows.
TEST_F(SignalFrames, CountWhatTheKernelSaysOfASignal) {
  Seen seen;
  take_signal(false, &seen);
  StackBytes bytes(seen.stack);
  SignalFrame frame;
  ASSERT_TRUE(read_signal_frame(seen.frame, bytes, &frame));
  const AddressRange said{seen.frame + kSignalAt, seen.frame + kSignalAt + sizeof(siginfo_t)};
  for (const AddressRange& range : frame.leftovers.ranges()) EXPECT_FALSE(overlap(range, said));
}

// Numbers in a frame that a program made are followed to nowhere.
TEST_F(SignalFrames, OfRandomBytesHarmNothing) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  Seen seen;
  take_signal(false, &seen);
  const uint64_t start = reinterpret_cast<uint64_t>(stack_start), end = start + kStackBytes;
  for (int round = 0; round < 20'000; ++round) {
    std::vector<std::byte> stack = seen.stack;
    for (uint64_t changes = random() % 8; changes > 0; --changes) {
      stack[seen.frame - start + random() % (end - seen.frame)] = static_cast<std::byte>(random());
    }
    StackBytes bytes(stack);
    SignalFrame frame;
    if (!read_signal_frame(seen.frame, bytes, &frame)) continue;
    for (const AddressRange& range : frame.leftovers.ranges()) {
      EXPECT_LE(seen.frame, range.start);
      EXPECT_LT(range.start, range.end);
      EXPECT_LE(range.end, end + kMostAbove);
    }
  }
}

}  // namespace
}  // namespace pagestore::test

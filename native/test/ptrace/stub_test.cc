// The stub of x86-64, as bytes: executed by this very process, it puts back all that it says.
#include "ptrace/stub/stub.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support.h"

namespace pagestore::test {
namespace {

TEST(Stub, IsRecognizedByItsCodeAndNothingElse) {
  const X86Stub stub = X86Stub::make({}, 0, {});
  EXPECT_TRUE(stub.is_stub());
  X86Stub other = stub;
  other.instructions[5] = std::byte{};
  EXPECT_FALSE(other.is_stub());
  other = stub;
  other.data.mark = 0;
  EXPECT_FALSE(other.is_stub());
  EXPECT_FALSE(X86Stub().is_stub());
}

TEST(Stub, GivesBackTheRegistersOfWhoIsInIt) {
  X86Registers wanted{};
  wanted.rax = 1, wanted.rcx = 2, wanted.rdx = 3, wanted.rsi = 4, wanted.rdi = 5, wanted.rip = 6;
  wanted.r8 = 8, wanted.r9 = 9, wanted.r10 = 10, wanted.r11 = 11, wanted.orig_rax = UINT64_MAX;
  X86Registers registers{};
  registers.orig_rax = 35;
  X86Stub::make(wanted, 0, {}).put_back(&registers);
  EXPECT_EQ(memcmp(&registers, &wanted, sizeof(wanted)), 0);
}

#if defined(__x86_64__)

// From `start` on, in a page of its own, with `end` as the place to go on at.
uint64_t run(const X86Stub& stub, size_t start, uint64_t number) {
  void* page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memcpy(page, &stub, sizeof(stub));
  uint64_t flags;
  // The carry flag is set before, and all registers that the stub has in its data may change.
  asm volatile(
      "lea 1f(%%rip), %%r11\n mov %%r11, %c[rip](%[page])\n lea (%[page], %[start]), %%r11\n"
      "mov $-1, %%rdi\n stc\n jmp *%%r11\n 1: pushf\n pop %[flags]"
      : [flags] "=b"(flags), "+a"(number)
      : [page] "r"(page), [start] "r"(start), [rip] "i"(X86Stub::kCodeBytes + offsetof(X86Stub::Data, rip))
      : "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc");
  munmap(page, 4096);
  EXPECT_EQ(flags & 1, 1u);
  return number;
}

TEST(Stub, PutsBackMaskAndRegistersAndChangesNoFlag) {
  sigset_t before, after;
  sigprocmask(SIG_BLOCK, nullptr, &before);
  X86Registers wanted{};
  wanted.rax = 1234;
  constexpr uint64_t kBlocked = uint64_t{1} << (SIGUSR2 - 1);
  for (const size_t start : {size_t{0}, X86Stub::kReturn}) {
    EXPECT_EQ(run(X86Stub::make(wanted, kBlocked, {}), start, SYS_getpid), 1234u);
    sigprocmask(SIG_SETMASK, &before, &after);
    EXPECT_TRUE(sigismember(&after, SIGUSR2));
    EXPECT_FALSE(sigismember(&after, SIGUSR1));
  }
}

TEST(Stub, ClosesWhatTheCallOpened) {
  int pair[2];
  ASSERT_EQ(pipe(pair), 0);
  const int next = dup(pair[0]);
  close(next);
  // dup of −1 fails, and of nothing there is nothing to be closed; inotify_init gives the number that was free.
  EXPECT_EQ(run(X86Stub::make({}, 0, {SYS_close}), 0, SYS_dup), 0u);
  EXPECT_EQ(run(X86Stub::make({}, 0, {SYS_close}), 0, SYS_inotify_init), 0u);
  EXPECT_EQ(fcntl(next, F_GETFD), -1);
  EXPECT_EQ(run(X86Stub::make({}, 0, {}), 0, SYS_inotify_init), 0u);
  EXPECT_NE(fcntl(next, F_GETFD), -1);
  // What an earlier call gave is closed behind another.
  EXPECT_EQ(run(X86Stub::make({}, 0, {StubUndo::kNothing, SYS_close, static_cast<uint64_t>(next)}), 0, SYS_getpid), 0u);
  EXPECT_EQ(fcntl(next, F_GETFD), -1);
  EXPECT_NE(fcntl(pair[0], F_GETFD), -1);
  for (const int each : pair) close(each);
}

#endif

}  // namespace
}  // namespace pagestore::test

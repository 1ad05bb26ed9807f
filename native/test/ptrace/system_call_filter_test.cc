// The filter's program, run by an interpreter of our own: what the kernel would answer for each number.
#include "ptrace/system_call_filter.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/syscall.h>

#include <cerrno>

#include <random>
#include <vector>

#include "ptrace/trap.h"
#include "support.h"

namespace pagestore::test {
namespace {

#if defined(__x86_64__)
constexpr uint32_t kOurs = AUDIT_ARCH_X86_64;
#else
constexpr uint32_t kOurs = AUDIT_ARCH_AARCH64;
#endif
constexpr uint32_t kOther = ~kOurs;

// Of the few instructions that a filter has. 0 for a program that leaves its bounds or has another instruction.
struct Asked {
  uint32_t number, architecture = kOurs, argument = 0;
};

uint32_t answer_of(std::span<const sock_filter> program, const Asked& asked) {
  uint32_t accumulator = 0;
  for (size_t at = 0; at < program.size(); ++at) {
    const sock_filter& each = program[at];
    switch (each.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        accumulator = each.k == offsetof(seccomp_data, nr)     ? asked.number
                      : each.k == offsetof(seccomp_data, args) ? asked.argument
                                                               : asked.architecture;
        break;
      case BPF_JMP | BPF_JSET | BPF_K:
        at += (accumulator & each.k) != 0 ? each.jt : each.jf;
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        at += accumulator == each.k ? each.jt : each.jf;
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        at += accumulator >= each.k ? each.jt : each.jf;
        break;
      case BPF_JMP | BPF_JA:
        at += each.k;
        break;
      case BPF_RET | BPF_K:
        return each.k;
      default:
        return 0;
    }
  }
  return 0;
}

std::vector<uint32_t> interesting_numbers() {
  std::vector<uint32_t> numbers;
  for (uint32_t number = 0; number < kMostSystemCalls + 10; ++number) numbers.push_back(number);
  for (const int64_t trap : {trap::kCheck, trap::kChoose, trap::kAssert}) {
    for (int64_t near = trap - 2; near <= trap + 2; ++near) numbers.push_back(static_cast<uint32_t>(near));
  }
  for (const uint32_t far :
       {0x3fff'ffffu, 0x4000'0000u, 0x4000'03ffu, 0x4000'0400u, 0x7fff'ffffu, 0x8000'0000u, 0xffff'ffffu})
    numbers.push_back(far);
  return numbers;
}

void expect_exact(const SystemCallSet& further) {
  SystemCallFilter filter;
  ASSERT_TRUE(ok(SystemCallFilter::make(further, &filter)));
  ASSERT_LE(filter.program().size(), static_cast<size_t>(BPF_MAXINSNS));
  const uint32_t if_traced = further[SYS_clone] ? SECCOMP_RET_TRACE : SECCOMP_RET_ALLOW;
  for (const uint32_t number : interesting_numbers()) {
    if (number == SYS_clone3) continue;
    const bool is_stopped_at = kind_of_call(number) != SystemCallKind::other || is_x32_call(number) ||
                               (number < kMostSystemCalls && further[number]);
    const uint32_t expected = is_stopped_at ? SECCOMP_RET_TRACE : SECCOMP_RET_ALLOW;
    ASSERT_EQ(answer_of(filter.program(), {number}), number == SYS_clone ? if_traced : expected) << number;
    ASSERT_EQ(is_filtered(further, number), is_stopped_at) << number;
    ASSERT_EQ(answer_of(filter.program(), {number, kOther}), SECCOMP_RET_TRACE) << number;
  }
  ASSERT_EQ(answer_of(filter.program(), {SYS_clone, kOurs, CLONE_UNTRACED | CLONE_VM}), SECCOMP_RET_TRACE);
  ASSERT_EQ(answer_of(filter.program(), {SYS_clone3}), SECCOMP_RET_ERRNO | ENOSYS);
}

TEST(SystemCallFilters, StopAtWhatWeMustSeeAndAtNothingElse) {
  expect_exact({});
  SystemCallFilter filter;
  ASSERT_TRUE(ok(SystemCallFilter::make({}, &filter)));
  for (const int64_t call : {int64_t{SYS_mmap}, int64_t{SYS_exit_group}, trap::kChoose}) {
    EXPECT_EQ(answer_of(filter.program(), {static_cast<uint32_t>(call)}), SECCOMP_RET_TRACE);
  }
  for (const int64_t call : {int64_t{SYS_read}, int64_t{SYS_getpid}}) {
    EXPECT_EQ(answer_of(filter.program(), {static_cast<uint32_t>(call)}), SECCOMP_RET_ALLOW);
  }
}

TEST(SystemCallFilters, StopAtFurtherCallsHoweverManyThereAre) {
  expect_exact(SystemCallSet().set());
  SystemCallSet alternating;  // as many segments as there can be
  for (size_t i = 0; i < kMostSystemCalls; i += 2) alternating.set(i);
  expect_exact(alternating);
  expect_exact(~alternating);
}

TEST(SystemCallFilters, StopAtFurtherCallsThatAreAnyAtAll) {
  const auto seed = static_cast<uint32_t>(testing::UnitTest::GetInstance()->random_seed());
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 30; ++round) {
    SystemCallSet further;
    const uint32_t density = 1 + random() % 100;
    for (size_t i = 0; i < kMostSystemCalls; ++i) further[i] = random() % 100 < density;
    expect_exact(further);
  }
}

}  // namespace
}  // namespace pagestore::test

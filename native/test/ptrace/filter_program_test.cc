// What a filter answers, as the kernel would have it.
#include "ptrace/filters/filter_program.h"

#include <cstddef>
#include <vector>

#include "support.h"

namespace pagestore::test {
namespace {

using Steps = std::vector<sock_filter>;

std::optional<uint32_t> answer(const Steps& steps, const SystemCall& call) {
  return answer_of_filter({steps.data(), steps.size()}, filtered_call(call));
}

constexpr sock_filter load(uint32_t offset) {
  return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset);
}
constexpr sock_filter give(uint32_t value) {
  return BPF_STMT(BPF_RET | BPF_K, value);
}

TEST(FilterProgram, TellsCallsApartByNumber) {
  const Steps steps = {load(offsetof(seccomp_data, nr)), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 7, 0, 1),
                       give(SECCOMP_RET_ALLOW), give(SECCOMP_RET_KILL_PROCESS)};
  EXPECT_EQ(answer(steps, {7}), uint32_t{SECCOMP_RET_ALLOW});
  EXPECT_EQ(answer(steps, {8}), uint32_t{SECCOMP_RET_KILL_PROCESS});
}

TEST(FilterProgram, SeesBothHalvesOfAnArgument) {
  const Steps steps = {load(offsetof(seccomp_data, args) + 8), BPF_STMT(BPF_MISC | BPF_TAX, 0),
                       load(offsetof(seccomp_data, args) + 12), BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
                       BPF_STMT(BPF_RET | BPF_A, 0)};
  EXPECT_EQ(answer(steps, {1, {0, 0x0000'0005'0000'0007}}), 12u);
}

TEST(FilterProgram, KeepsWordsAndCalculates) {
  const Steps steps = {BPF_STMT(BPF_LD | BPF_IMM, 6),
                       BPF_STMT(BPF_ST, 3),
                       BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 4),
                       BPF_STMT(BPF_LDX | BPF_MEM, 3),
                       BPF_STMT(BPF_ALU | BPF_SUB | BPF_X, 0),
                       BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 9),
                       BPF_STMT(BPF_RET | BPF_A, 0)};
  EXPECT_EQ(answer(steps, {1}), 10u);  // (6 · 16 − 6) / 9
}

TEST(FilterProgram, HasNoAnswerWhereItDoesWhatNoFilterMay) {
  EXPECT_FALSE(answer({}, {1}));
  EXPECT_FALSE(answer({load(sizeof(seccomp_data))}, {1}));
  EXPECT_FALSE(answer({BPF_STMT(BPF_LD | BPF_MEM, BPF_MEMWORDS), give(SECCOMP_RET_ALLOW)}, {1}));
  EXPECT_FALSE(answer({BPF_STMT(BPF_JMP | BPF_JA, 100), give(SECCOMP_RET_ALLOW)}, {1}));
  EXPECT_FALSE(answer({BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0), give(SECCOMP_RET_ALLOW)}, {1}));
}

TEST(FilterProgram, HasNoAnswerWhereItAsksWhereTheCallIsMade) {
  const uint32_t where = offsetof(seccomp_data, instruction_pointer);
  EXPECT_FALSE(answer({load(where), give(SECCOMP_RET_ALLOW)}, {1}));
  EXPECT_FALSE(answer({load(where + 4), give(SECCOMP_RET_ALLOW)}, {1}));
}

TEST(FilterProgram, IsHarmlessWhereTheThreadLivesOn) {
  for (const uint32_t fine : {SECCOMP_RET_ALLOW, SECCOMP_RET_LOG, SECCOMP_RET_ERRNO | 1U}) {
    EXPECT_TRUE(is_harmless(fine));
  }
  for (const uint32_t bad : {SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_TRAP | 1U,
                             SECCOMP_RET_TRACE, SECCOMP_RET_USER_NOTIF}) {
    EXPECT_FALSE(is_harmless(bad));
    EXPECT_FALSE(is_made(bad));
  }
  EXPECT_TRUE(is_made(SECCOMP_RET_ALLOW));
  EXPECT_TRUE(is_made(SECCOMP_RET_LOG));
  EXPECT_FALSE(is_made(SECCOMP_RET_ERRNO | 1U));
}

}  // namespace
}  // namespace pagestore::test

#include "ptrace/filters/filter_program.h"

#include <linux/audit.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace pagestore {

namespace {

#if defined(__x86_64__)
constexpr uint32_t kInterface = AUDIT_ARCH_X86_64;
#else
constexpr uint32_t kInterface = AUDIT_ARCH_AARCH64;
#endif

bool is_of_instruction(uint32_t offset) {
  constexpr size_t kWhere = offsetof(seccomp_data, instruction_pointer);
  return offset >= kWhere && offset < kWhere + sizeof(uint64_t);
}

class Machine {
 public:
  Machine(std::span<const sock_filter> program, const seccomp_data& call) : program_(program), call_(call) {}

  std::optional<uint32_t> run() {
    // A filter jumps forwards alone, so that it ends.
    while (next_ < program_.size()) {
      const sock_filter& step = program_[next_++];
      if (BPF_CLASS(step.code) == BPF_RET) return BPF_RVAL(step.code) == BPF_A ? accumulator_ : step.k;
      if (!execute(step)) return {};
    }
    return {};
  }

 private:
  bool execute(const sock_filter& step) {
    switch (BPF_CLASS(step.code)) {
      case BPF_LD:
        return load(step, &accumulator_);
      case BPF_LDX:
        return load(step, &index_);
      case BPF_ST:
        return store(step, accumulator_);
      case BPF_STX:
        return store(step, index_);
      case BPF_ALU:
        return calculate(step);
      case BPF_JMP:
        return jump(step);
      case BPF_MISC:
        if (BPF_MISCOP(step.code) == BPF_TAX) {
          index_ = accumulator_;
        } else {
          accumulator_ = index_;
        }
        return true;
    }
    return false;
  }

  bool load(const sock_filter& step, uint32_t* to) const {
    switch (BPF_MODE(step.code)) {
      case BPF_ABS:
        if (step.k % sizeof(*to) != 0 || step.k > sizeof(call_) - sizeof(*to) || is_of_instruction(step.k))
          return false;
        memcpy(to, reinterpret_cast<const char*>(&call_) + step.k, sizeof(*to));
        return true;
      case BPF_IMM:
        *to = step.k;
        return true;
      case BPF_LEN:
        *to = sizeof(call_);
        return true;
      case BPF_MEM:
        if (step.k >= BPF_MEMWORDS) return false;
        *to = words_[step.k];
        return true;
    }
    return false;
  }

  bool store(const sock_filter& step, uint32_t value) {
    if (step.k >= BPF_MEMWORDS) return false;
    words_[step.k] = value;
    return true;
  }

  bool calculate(const sock_filter& step) {
    const uint32_t value = BPF_SRC(step.code) == BPF_X ? index_ : step.k;
    uint32_t& a = accumulator_;
    switch (BPF_OP(step.code)) {
      case BPF_ADD:
        a += value;
        return true;
      case BPF_SUB:
        a -= value;
        return true;
      case BPF_MUL:
        a *= value;
        return true;
      case BPF_DIV:
        if (value == 0) return false;
        a /= value;
        return true;
      case BPF_OR:
        a |= value;
        return true;
      case BPF_AND:
        a &= value;
        return true;
      case BPF_XOR:
        a ^= value;
        return true;
      case BPF_LSH:
        a = value < 32 ? a << value : 0;
        return true;
      case BPF_RSH:
        a = value < 32 ? a >> value : 0;
        return true;
      case BPF_NEG:
        a = ~a + 1;
        return true;
    }
    return false;
  }

  bool jump(const sock_filter& step) {
    const uint32_t value = BPF_SRC(step.code) == BPF_X ? index_ : step.k;
    bool is_true;
    switch (BPF_OP(step.code)) {
      case BPF_JA:
        if (step.k >= program_.size()) return false;
        next_ += step.k;
        return true;
      case BPF_JEQ:
        is_true = accumulator_ == value;
        break;
      case BPF_JGT:
        is_true = accumulator_ > value;
        break;
      case BPF_JGE:
        is_true = accumulator_ >= value;
        break;
      case BPF_JSET:
        is_true = (accumulator_ & value) != 0;
        break;
      default:
        return false;
    }
    next_ += is_true ? step.jt : step.jf;
    return true;
  }

  std::span<const sock_filter> program_;
  const seccomp_data& call_;
  size_t next_ = 0;
  uint32_t accumulator_ = 0, index_ = 0;
  uint32_t words_[BPF_MEMWORDS] = {};
};

}  // namespace

seccomp_data filtered_call(const SystemCall& call) {
  seccomp_data data{};
  data.nr = static_cast<int>(call.number);
  data.arch = kInterface;
  std::copy(call.arguments.begin(), call.arguments.end(), std::begin(data.args));
  return data;
}

std::optional<uint32_t> answer_of_filter(std::span<const sock_filter> program, const seccomp_data& call) {
  return Machine(program, call).run();
}

// One that asks another process might wait for it, and one that traps runs a handler of the program.
bool is_harmless(uint32_t answer) {
  return is_made(answer) || (answer & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO;
}

bool is_made(uint32_t answer) {
  const uint32_t action = answer & SECCOMP_RET_ACTION_FULL;
  return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG;
}

}  // namespace pagestore

#include "linux/unwind/frame_expression.h"

namespace pagestore {

namespace {

class Evaluation {
 public:
  Evaluation(const FrameExpression& expression, FrameValues& values)
      : reader_({expression.bytes.data(), expression.length}, 0), values_(values) {}

  std::optional<uint64_t> run(std::optional<uint64_t> first) {
    if (first) push(*first);
    while (is_fine_ && !reader_.is_at_end()) step(reader_.fixed<uint8_t>());
    const uint64_t result = pop();
    return is_fine_ && !reader_.has_failed() ? std::optional(result) : std::nullopt;
  }

 private:
  static constexpr size_t kMost = 16;

  void push(std::optional<uint64_t> value) {
    is_fine_ = is_fine_ && value && depth_ < kMost;
    if (is_fine_) stack_[depth_++] = *value;
  }
  uint64_t pop() {
    is_fine_ = is_fine_ && depth_ > 0;
    return is_fine_ ? stack_[--depth_] : 0;
  }

  void step(uint8_t code) {
    constexpr uint8_t kLiteral = 0x30, kRegister = 0x70, kEnd = 0x90;
    if (code >= kLiteral && code < kLiteral + 32) return push(code - kLiteral);
    if (code >= kRegister && code < kEnd) return push_register(code - kRegister, reader_.signed_number());
    if (code >= 0x08 && code <= 0x11) return push_constant(code);
    switch (code) {
      case 0x03:
        return push(reader_.fixed<uint64_t>());
      case 0x06:
        return push(values_.word_at(pop()));
      case 0x23:
        return push(pop() + reader_.unsigned_number());
      case 0x92: {
        const uint64_t number = reader_.unsigned_number();
        return push_register(number, reader_.signed_number());
      }
      case 0x12:
      case 0x13:
      case 0x14:
      case 0x16:
        return rearrange(code);
      case 0x96:
        return;
      default:
        return combine(code);
    }
  }

  void push_register(uint64_t number, int64_t offset) {
    const std::optional<uint64_t> value = values_.register_value(number);
    push(value ? std::optional(*value + static_cast<uint64_t>(offset)) : std::nullopt);
  }

  template <typename T>
  void push_signed() {
    push(static_cast<uint64_t>(int64_t{reader_.fixed<T>()}));
  }
  void push_constant(uint8_t code) {
    switch (code) {
      case 0x08:
        return push(reader_.fixed<uint8_t>());
      case 0x09:
        return push_signed<int8_t>();
      case 0x0a:
        return push(reader_.fixed<uint16_t>());
      case 0x0b:
        return push_signed<int16_t>();
      case 0x0c:
        return push(reader_.fixed<uint32_t>());
      case 0x0d:
        return push_signed<int32_t>();
      case 0x10:
        return push(reader_.unsigned_number());
      case 0x11:
        return push(static_cast<uint64_t>(reader_.signed_number()));
      default:
        return push(reader_.fixed<uint64_t>());
    }
  }

  // Copies the top, drops it, copies what is below it, exchanges both.
  void rearrange(uint8_t code) {
    const uint64_t top = pop();
    if (code == 0x13) return;
    if (code == 0x12) {
      push(top);
      return push(top);
    }
    const uint64_t below = pop();
    push(code == 0x14 ? below : top);
    push(code == 0x14 ? top : below);
    if (code == 0x14) push(below);
  }

  void combine(uint8_t code) {
    const uint64_t b = pop(), a = pop();
    const auto signed_a = static_cast<int64_t>(a), signed_b = static_cast<int64_t>(b);
    switch (code) {
      case 0x1a:
        return push(a & b);
      case 0x1c:
        return push(a - b);
      case 0x1e:
        return push(a * b);
      case 0x21:
        return push(a | b);
      case 0x22:
        return push(a + b);
      case 0x24:
        return push(b < 64 ? a << b : 0);
      case 0x25:
        return push(b < 64 ? a >> b : 0);
      case 0x27:
        return push(a ^ b);
      case 0x29:
        return push(a == b);
      case 0x2a:
        return push(signed_a >= signed_b);
      case 0x2b:
        return push(signed_a > signed_b);
      case 0x2c:
        return push(signed_a <= signed_b);
      case 0x2d:
        return push(signed_a < signed_b);
      case 0x2e:
        return push(a != b);
      default:
        return push(std::nullopt);
    }
  }

  DwarfReader reader_;
  FrameValues& values_;
  uint64_t stack_[kMost];
  size_t depth_ = 0;
  bool is_fine_ = true;
};

}  // namespace

std::optional<uint64_t> evaluate(const FrameExpression& expression, std::optional<uint64_t> first,
                                 FrameValues& values) {
  return Evaluation(expression, values).run(first);
}

}  // namespace pagestore

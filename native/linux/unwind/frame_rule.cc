#include "linux/unwind/frame_rule.h"

#include <algorithm>

namespace pagestore {

namespace {

using Kind = RegisterRule::Kind;

// Instructions of DWARF, by their numbers. The first three have an operand in their lower six bits.
enum Instruction : uint8_t {
  advance = 0x40,
  offset = 0x80,
  restore = 0xc0,
  nop = 0x00,
  set_location = 0x01,
  advance_1 = 0x02,
  advance_2 = 0x03,
  advance_4 = 0x04,
  offset_extended = 0x05,
  restore_extended = 0x06,
  undefined = 0x07,
  same_value = 0x08,
  in_register = 0x09,
  remember_state = 0x0a,
  restore_state = 0x0b,
  base = 0x0c,
  base_register = 0x0d,
  base_offset = 0x0e,
  base_expression = 0x0f,
  at_expression = 0x10,
  offset_signed = 0x11,
  base_signed = 0x12,
  base_offset_signed = 0x13,
  value_offset = 0x14,
  value_offset_signed = 0x15,
  value_expression = 0x16,
  negate_signed = 0x2d,  // of arm64
  arguments_size = 0x2e,
  negative_offset = 0x2f,
};

struct Common {
  uint64_t code_unit = 1;
  int64_t data_unit = 1;
  uint64_t return_register = 0;
  uint8_t encoding = 0;
  bool has_augmentation = false;
  DwarfReader instructions{{}, 0};
};

// What the letters of an augmentation announce.
bool read_augmentation(std::span<const std::byte> letters, DwarfReader data, Common* common) {
  for (const std::byte each : letters) {
    switch (static_cast<char>(each)) {
      case 'R':
        common->encoding = data.fixed<uint8_t>();
        break;
      case 'P':
        data.encoded(data.fixed<uint8_t>());
        break;
      case 'L':
        data.fixed<uint8_t>();
        break;
      case 'S':
      case 'B':
      case 'G':
        break;
      default:
        return false;
    }
  }
  return !data.has_failed();
}

// The entry's bytes without its length. Entries of more than 4 GiB are not understood.
DwarfReader open_entry(DwarfReader entry) {
  const auto length = entry.fixed<uint32_t>();
  const uint64_t address = entry.address();
  return {entry.bytes(length), address};
}

bool read_common(DwarfReader cie, Common* common) {
  DwarfReader reader = open_entry(cie);
  const auto id = reader.fixed<uint32_t>();
  const auto version = reader.fixed<uint8_t>();
  constexpr size_t kMostLetters = 16;
  const auto letters = reader.rest().first(std::min(reader.rest().size(), kMostLetters));
  const auto end = std::find(letters.begin(), letters.end(), std::byte{0});
  if (id != 0 || (version != 1 && version != 3) || end == letters.end()) return false;
  const std::span<const std::byte> augmentation(letters.begin(), end);
  reader.bytes(augmentation.size() + 1);
  common->code_unit = reader.unsigned_number();
  common->data_unit = reader.signed_number();
  common->return_register = version == 1 ? reader.fixed<uint8_t>() : reader.unsigned_number();
  common->has_augmentation = !augmentation.empty();
  if (common->has_augmentation) {
    if (augmentation[0] != std::byte{'z'}) return false;
    const uint64_t length = reader.unsigned_number(), address = reader.address();
    const DwarfReader data(reader.bytes(length), address);
    if (!read_augmentation(augmentation.subspan(1), data, common)) return false;
  }
  common->instructions = reader;
  return !reader.has_failed() && common->return_register < kFrameRegisters;
}

// Carries out instructions until they are past the one that the rule is for.
class Program {
 public:
  Program(const Common& common, uint64_t start, uint64_t instruction)
      : common_(common), location_(start), wanted_(instruction) {}

  bool run(DwarfReader reader, FrameRule* rule) {
    rule_ = rule;
    while (!reader.is_at_end() && location_ <= wanted_) {
      if (!step(&reader)) return false;
    }
    return !reader.has_failed();
  }
  // The rules that a function begins with, to which its instructions may go back.
  void begin_function() {
    first_ = *rule_;
    depth_ = 0;
  }

 private:
  bool step(DwarfReader* reader) {
    const auto byte = reader->fixed<uint8_t>();
    const uint64_t operand = byte & 0x3f;
    switch (byte & 0xc0) {
      case advance:
        return move(operand);
      case offset:
        return set(operand, Kind::at_offset, static_cast<int64_t>(reader->unsigned_number()), common_.data_unit);
      case restore:
        return put_back(operand);
      default:
        break;
    }
    if (byte >= base && byte <= base_expression) return set_base(byte, reader);
    if (byte == base_signed || byte == base_offset_signed) return set_base(byte, reader);
    return step_extended(byte, reader);
  }

  bool step_extended(uint8_t byte, DwarfReader* reader) {
    switch (byte) {
      case nop:
        return true;
      case set_location:
        location_ = reader->encoded(common_.encoding);
        return true;
      case advance_1:
        return move(reader->fixed<uint8_t>());
      case advance_2:
        return move(reader->fixed<uint16_t>());
      case advance_4:
        return move(reader->fixed<uint32_t>());
      case restore_extended:
        return put_back(reader->unsigned_number());
      case remember_state:
        if (depth_ == kMostRemembered) return false;
        remembered_[depth_++] = *rule_;
        return true;
      case restore_state:
        if (depth_ == 0) return false;
        *rule_ = remembered_[--depth_];
        return true;
      case negate_signed:
        rule_->is_signed = !rule_->is_signed;
        return true;
      case arguments_size:
        reader->unsigned_number();
        return true;
      default:
        return set_register(byte, reader);
    }
  }

  bool set_register(uint8_t byte, DwarfReader* reader) {
    const uint64_t number = reader->unsigned_number();
    switch (byte) {
      case undefined:
        return set(number, Kind::undefined, 0);
      case same_value:
        return set(number, Kind::same, 0);
      case in_register:
        return set(number, Kind::in_register, static_cast<int64_t>(reader->unsigned_number()));
      case offset_extended:
        return set(number, Kind::at_offset, static_cast<int64_t>(reader->unsigned_number()), common_.data_unit);
      case offset_signed:
        return set(number, Kind::at_offset, reader->signed_number(), common_.data_unit);
      case negative_offset:
        return set(number, Kind::at_offset, -static_cast<int64_t>(reader->unsigned_number() & INT64_MAX),
                   common_.data_unit);
      case value_offset:
        return set(number, Kind::base_offset, static_cast<int64_t>(reader->unsigned_number()), common_.data_unit);
      case value_offset_signed:
        return set(number, Kind::base_offset, reader->signed_number(), common_.data_unit);
      case at_expression:
      case value_expression: {
        RegisterRule rule;
        rule.kind = byte == at_expression ? Kind::at_expression : Kind::expression;
        if (!copy_expression(reader, &rule.expression)) return false;
        if (number < kFrameRegisters) rule_->registers[number] = rule;
        return true;
      }
      default:
        return false;
    }
  }

  bool set_base(uint8_t byte, DwarfReader* reader) {
    if (byte == base_expression) return copy_expression(reader, &rule_->base_expression);
    if (byte != base_offset && byte != base_offset_signed) {
      rule_->base_register = reader->unsigned_number();
      rule_->base_expression = {};
    }
    if (byte == base || byte == base_offset) rule_->base_offset = static_cast<int64_t>(reader->unsigned_number());
    if (byte == base_signed || byte == base_offset_signed) {
      rule_->base_offset = scaled(reader->signed_number(), common_.data_unit);
    }
    return rule_->base_register < kFrameRegisters;
  }

  static int64_t scaled(int64_t value, int64_t unit) {
    return static_cast<int64_t>(static_cast<uint64_t>(value) * static_cast<uint64_t>(unit));
  }

  bool set(uint64_t number, Kind kind, int64_t value, int64_t unit = 1) {
    if (number < kFrameRegisters) rule_->registers[number] = {kind, scaled(value, unit), {}};
    return kind != Kind::in_register || static_cast<uint64_t>(value) < kFrameRegisters;
  }

  bool put_back(uint64_t number) {
    if (number < kFrameRegisters) rule_->registers[number] = first_.registers[number];
    return true;
  }

  bool move(uint64_t units) { return !__builtin_add_overflow(location_, units * common_.code_unit, &location_); }

  static bool copy_expression(DwarfReader* reader, FrameExpression* expression) {
    const std::span<const std::byte> bytes = reader->bytes(reader->unsigned_number());
    if (bytes.empty() || bytes.size() > FrameExpression::kMost) return false;
    expression->length = static_cast<uint8_t>(bytes.size());
    std::copy(bytes.begin(), bytes.end(), expression->bytes.begin());
    return true;
  }

  static constexpr size_t kMostRemembered = 4;

  const Common& common_;
  uint64_t location_;
  const uint64_t wanted_;
  FrameRule* rule_ = nullptr;
  FrameRule first_;
  FrameRule remembered_[kMostRemembered];
  size_t depth_ = 0;
};

// An entry with what it has in common with others, up to its instructions.
struct Function {
  Common common;
  uint64_t start = 0, length = 0;
  DwarfReader instructions{{}, 0};
};

bool read_function(const FrameEntry& entry, Function* function) {
  Common& common = function->common;
  if (!read_common(entry.cie, &common)) return false;
  DwarfReader reader = open_entry(entry.fde);
  reader.fixed<uint32_t>();
  function->start = reader.encoded(common.encoding);
  function->length = reader.encoded(common.encoding & 0x0f);
  if (common.has_augmentation) reader.bytes(reader.unsigned_number());
  function->instructions = reader;
  return !reader.has_failed();
}

bool contains(const Function& function, uint64_t instruction) {
  return function.start <= instruction && instruction - function.start < function.length;
}

}  // namespace

bool is_about(const FrameEntry& entry, uint64_t instruction) {
  Function function;
  return read_function(entry, &function) && contains(function, instruction);
}

bool read_frame_rule(const FrameEntry& entry, uint64_t instruction, FrameRule* rule) {
  Function function;
  if (!read_function(entry, &function) || !contains(function, instruction)) return false;
  *rule = {};
  rule->return_register = function.common.return_register;
  Program program(function.common, function.start, instruction);
  if (!program.run(function.common.instructions, rule)) return false;
  program.begin_function();
  return program.run(function.instructions, rule);
}

}  // namespace pagestore

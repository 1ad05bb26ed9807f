// How the frame of a function is undone at one instruction: where its caller's registers are. As a compiler writes it
// into `.eh_frame`, which programs have in memory for exceptions.
//
// A CIE (what functions have in common) and an FDE (one function) are bytes of the process, and may be anything: what
// is not understood gives no rule, and no bytes make this crash or run for long. A reader of our own, as this is all
// that we need: libunwind and libdw do not come with every system, are several times larger than the core, and ask for
// memory where the core must not.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "linux/unwind/dwarf_reader.h"

namespace pagestore {

// By their DWARF numbers; others (of vectors) are left out.
#if defined(__x86_64__)
inline constexpr uint64_t kFrameRegisters = 17, kStackRegister = 7;
#else
inline constexpr uint64_t kFrameRegisters = 33, kStackRegister = 31;
#endif

// Bytes of the process that compute an address, copied.
struct FrameExpression {
  static constexpr size_t kMost = 23;

  uint8_t length = 0;
  std::array<std::byte, kMost> bytes{};
};

struct RegisterRule {
  enum class Kind : uint8_t {
    same,           // the caller's value is in the register still
    undefined,      // it is lost; of a return address: there is no caller
    at_offset,      // it lies in memory at the frame's base + `offset`
    base_offset,    // it is the frame's base + `offset`
    in_register,    // it is in register `offset`
    at_expression,  // it lies in memory at the address that the expression computes
    expression,     // the expression computes it
  };
  Kind kind = Kind::same;
  int64_t offset = 0;
  FrameExpression expression{};
};

struct FrameRule {
  // The frame's base (CFA) is that register + `base_offset`, or computed where the expression has a length.
  uint64_t base_register = kStackRegister;
  int64_t base_offset = 0;
  FrameExpression base_expression{};
  std::array<RegisterRule, kFrameRegisters> registers{};
  uint64_t return_register = 0;  // below kFrameRegisters
  bool is_signed = false;        // the return address is (arm64)
};

// What an FDE refers to. `cie` and `fde` are entries as they lie in memory, from their lengths on.
struct FrameEntry {
  DwarfReader cie, fde;
};

// Whether the function is the one that `instruction` lies in. Reads no instructions.
bool is_about(const FrameEntry& entry, uint64_t instruction);

// The rule at `instruction`. False if the entry is not about it, or is not understood.
bool read_frame_rule(const FrameEntry& entry, uint64_t instruction, FrameRule* rule);

}  // namespace pagestore

// Computes an address as DWARF expresses it: a program on a stack of numbers, for frames that no register and offset
// describe (functions that align their stack, entries of procedure linkage tables).
//
// What has jumps, or anything else that frames need not, is not understood; so each instruction runs once.
#pragma once

#include <optional>

#include "linux/unwind/frame_rule.h"

namespace pagestore {

// The values that an expression asks for.
class FrameValues {
 public:
  virtual std::optional<uint64_t> register_value(uint64_t number) = 0;
  virtual std::optional<uint64_t> word_at(uint64_t address) = 0;

 protected:
  ~FrameValues() = default;
};

// `first` is on the stack from the start, if there is one.
std::optional<uint64_t> evaluate(const FrameExpression& expression, std::optional<uint64_t> first, FrameValues& values);

}  // namespace pagestore

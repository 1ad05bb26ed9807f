// Goes from a stopped thread's frame to its callers', as long as the program's own tables say how.
//
// A walk is a function of the registers that it begins with, of the code that is mapped and its tables, and of the
// words of the stack that it reads. It never guesses: where no table says how a frame is undone, it ends. It goes
// through signal frames, which the kernel lays out, and so from an alternate signal stack to the one that was
// interrupted.
//
// Rules are kept from walk to walk, as long as the same code is mapped: a frame then costs the words that it is undone
// by. Whatever tables say, a walk ends after so many frames, or at a certain cost; that does not depend on
// which rules were kept, so that equal states have equal walks. It leaves to its caller: to `set_code` when mappings
// have changed, and that a hostile program can make a walk mean nothing.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <span>

#include "linux/memory_reader.h"
#include "linux/unwind/frame_rule.h"
#include "linux/unwind/signal_frame.h"
#include "system/address_range.h"
#include "system/region.h"

namespace pagestore {

// The part of a walk that lies on one stack, or between two interruptions by signals.
struct StackPart {
  uint64_t stack = 0;   // the stack pointer where the thread stopped, or was interrupted
  uint64_t end = 0;     // the base of its last frame; behind it follows the signal frame, if there is one
  bool rises = true;    // whether each frame lies above that of the function which it called
  SignalFrame handled;  // what this part is the handler of; of the last part nothing
};

struct StackWalk {
  static constexpr size_t kMostParts = 8;

  size_t count = 0;  // of parts
  StackPart parts[kMostParts];
  bool is_whole = false;  // it came to a frame that no table describes or that has no caller

  const StackPart& last() const { return parts[count - 1]; }
};

class Unwinder {
 public:
  // What process `pid` has mapped, as the bytes of a list. Rules are kept if the code is the same.
  void set_code(std::span<const std::byte> regions, pid_t pid);

  // `code` reads the process, `stack` may read a snapshot.
  StackWalk walk(const FrameRegisters& start, MemoryReader& code, MemoryReader& stack);

 private:
  struct Module {
    AddressRange code;
    uint64_t start;
    FileIdentity file;
    bool operator==(const Module&) const = default;
  };
  struct Rule {
    enum class Kind : uint8_t { none, frame, signal_return };
    uint64_t instruction = 0;
    bool is_call = false;
    Kind kind = Kind::none;
    FrameRule frame{};
    uint64_t cost = 0, cost_of_frame = 0;  // to find it; to undo a frame by it
    uint64_t walk = 0;                     // that needed it last
  };
  class Frame;
  static constexpr size_t kRules = 128;

  void find_executable(pid_t pid);
  // Null when too much was done.
  const Rule* rule_at(uint64_t instruction, bool is_call, MemoryReader& code);
  void find_rule(MemoryReader& code, Rule* rule);
  bool walk_part(Frame* frame, MemoryReader& code, StackWalk* walk);

  GrowingArray<Module> modules_;
  uint64_t executable_ = 0;  // where the module begins whose entries must be looked through
  AddressRange executable_entries_{};
  GrowingArray<Rule> rules_;                   // by hash of their instructions
  uint64_t walk_ = 0, frames_ = 0, cost_ = 0;  // of the walk: its number, and what was done
};

}  // namespace pagestore

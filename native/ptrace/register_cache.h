// The registers of one stopped thread: general and vector registers, and the mask of blocked signals.
//
// Each costs a system call, so each is read at most once a stop. General registers are written at most once,
// before the thread runs, whatever was changed; vector registers and the mask are written at once.
//
// It leaves to its caller: to call from the thread that traces, only while this thread is stopped; to `flush`
// before the thread runs, and to `forget` when it does.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <span>

#include "ptrace/registers.h"
#include "system/growing_array.h"
#include "system/status.h"

namespace pagestore {

class RegisterCache {
 public:
  explicit RegisterCache(pid_t thread) : thread_(thread) {}

  // The cached registers, valid until the thread runs. Whoever changes them calls `mark_dirty`.
  Status get(Registers** registers);
  // What `get` gave, or `set` was given.
  Registers& current() { return registers_; }
  const Registers& current() const { return registers_; }
  bool has_current() const { return has_registers_; }
  // Whether they were set at this stop.
  bool are_set() const { return are_set_; }
  void set(const Registers& registers);
  void mark_dirty() { is_dirty_ = true; }
  // What the kernel hands over as something else is shown like this from now on.
  void show(const Registers& registers) { registers_ = registers; }
  // Refused where the kernel would leave a register as it is, or not take all. `has_stepped_back`: the kernel has, out
  // of a call that the thread is in by these registers.
  Status flush(bool has_stepped_back = false);
  // Whether `flush` would be refused registers of that kind; changes nothing.
  Status check(const Registers& wanted);

  // As the kernel packs them.
  Status get_vectors(std::span<const std::byte>* vectors);
  Status set_vectors(std::span<const std::byte> vectors);

  // Bit n − 1 is signal n. What was refused is owed: `flush` tries it again.
  Status get_blocked_signals(uint64_t* signals);
  Status set_blocked_signals(uint64_t signals);

  void forget() { has_registers_ = has_present_ = has_vectors_ = has_blocked_ = is_dirty_ = are_set_ = false; }

 private:
  Status read_present();

  pid_t thread_;
  bool has_registers_ = false, has_present_ = false, has_vectors_ = false, has_blocked_ = false, is_dirty_ = false,
       are_set_ = false;
  Registers registers_{}, present_{};  // the latter are those that the kernel has
  uint64_t blocked_ = 0;
  std::optional<uint64_t> owed_blocked_;
  GrowingArray<std::byte> vectors_;
};

// Which memory the thread may access by protection keys, of its vector registers; 0 where the processor has none.
uint64_t protection_keys(std::span<const std::byte> vectors);

}  // namespace pagestore

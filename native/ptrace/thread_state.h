// What a traced thread is, as a value: which instruction comes next, with which registers, and which question waits for
// an answer. TracedThread saves it at any stop and loads it at any other one (thread_state.cc); snapshots keep it.
#pragma once

#include <signal.h>

#include <cstdint>

#include "ptrace/activity.h"
#include "ptrace/registers.h"

namespace pagestore {

// All of a thread but its memory; the vector registers follow, as the kernel packs them. Equal states are equal
// bytes: what a question lacks is zero.
struct ThreadState {
  Registers registers{};
  uint64_t blocked_signals = 0;
  RemoteAddress file;  // of a choice; the name of the source file is there
  uint64_t line = 0;
  int32_t thread = 0;
  int32_t alternatives = 0;
  uint32_t vector_bytes = 0;
  question::Kind question = question::Kind::none;
  uint8_t is_pending = 0;
  uint8_t has_faulting_counter = 0;
  uint8_t restart = 0;  // how the kernel goes on with the interrupted call that is about to be made again: restart_code
  // If its clock is kept, of the wait that it is in: when the limit passes, and the wait's turn; turns begin with 1.
  int64_t wait_end = 0;
  uint64_t wait_turn = 0;
  siginfo_t signal{};
};
static_assert(sizeof(ThreadState) == sizeof(Registers) + 5 * sizeof(uint64_t) + 16 + sizeof(siginfo_t));

}  // namespace pagestore

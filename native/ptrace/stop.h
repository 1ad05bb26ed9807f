// Why a tracee stands still, and what makes it run on.
#pragma once

#include <sys/types.h>

#include <bitset>
#include <cstdint>

namespace pagestore {

enum class StopKind : uint8_t {
  choice,      // ps_choose: `value` ways
  assertion,   // ps_assert failed: `text`
  call,        // system call `value`
  signal,      // `value` is about to be received; `address` of what it is about, if it is a fault
  breakpoint,  // at `address`
  exec,
  clone,  // thread `value` was started
  fork,   // process `value` was started
  timeout,
  exit,         // with code `value`: about to, or (`has_ended`) it has
  thread_exit,  // of the thread: about to, or it has
  killed,       // by signal `value`
};

// The addresses are the tracee's. Equal stops are equal bytes.
struct Stop {
  StopKind kind = StopKind::timeout;
  bool is_entry = false;     // of a call, before it; else behind it
  bool has_address = false;  // of a signal
  bool has_ended = false;
  pid_t thread = 0;
  int64_t value = 0;
  uint64_t address = 0;
  uint64_t text = 0, file = 0;  // of an assertion; of a choice or an assertion, the source file's name
  uint64_t line = 0;
};

static_assert(sizeof(Stop) == 8 + 5 * sizeof(uint64_t));

inline constexpr size_t kMostCalls = 1024;

struct RunOptions {
  enum Signal : int { the_one_it_stopped_for = -1, none = 0 };

  int64_t choose = -1;  // the answer to the choice that it waits at
  int signal = the_one_it_stopped_for;
  bool stops_at_calls = false;
  std::bitset<kMostCalls> calls;  // which
  bool has_breakpoint = false;
  uint64_t breakpoint = 0;
  pid_t thread = 0;      // that alone runs; 0 for all
  int64_t timeout = -1;  // milliseconds; below 0 without end

  // Asked some twenty times a second while it runs; false breaks off.
  bool (*may_go_on)(void*) = nullptr;
  void* asked = nullptr;
};

}  // namespace pagestore

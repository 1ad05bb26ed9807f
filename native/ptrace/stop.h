// Why a tracee is stopped, and how it runs on: what TracedProcess::resume reports and what it is asked for.
//
// A Stop is a value. It is kept in snapshots, which compare it by its bytes, so every field that a kind does not use is
// zero. Addresses in it are the tracee's: what is there may be anything, and whoever reads it checks it.
//
// A new kind is added here, where a stop is classified (stop_classifier.h, and what it includes), in every switch over
// the kinds, and in both tables of names (binding/tables.h, lib/addon/tables.ts).
#pragma once

#include <sys/types.h>

#include <bitset>
#include <cstdint>
#include <optional>

#include "linux/remote_address.h"

namespace pagestore {

enum class StopKind : uint8_t {
  choice,       // ps_choose: `value` alternatives
  assertion,    // ps_assert failed: `text`
  system_call,  // system call `value`
  signal,       // signal `value` is about to be delivered; `address` is what a fault is about
  breakpoint,   // at `address`
  exec,
  clone,  // thread `value` was started
  fork,   // process `value` was started
  timeout,
  exit,         // with code `value`: the process is about to end, or (`has_ended`) it has ended
  thread_exit,  // the thread is about to end, or it has ended
  killed,       // by signal `value`
};

// Equal stops are equal bytes.
struct Stop {
  StopKind kind = StopKind::timeout;
  bool is_entry = false;     // of a system call, before it; else after it
  bool has_address = false;  // of a signal
  bool has_ended = false;
  pid_t thread = 0;
  int64_t value = 0;
  RemoteAddress address;
  RemoteAddress text, file;  // of an assertion; of a choice or an assertion, the source file's name
  uint64_t line = 0;
};

static_assert(sizeof(Stop) == 8 + 5 * sizeof(uint64_t));

inline Stop make_stop(StopKind kind, pid_t thread, int64_t value = 0) {
  Stop stop;
  stop.kind = kind;
  stop.thread = thread;
  stop.value = value;
  return stop;
}

// System calls by number.
inline constexpr size_t kMostSystemCalls = 1024;
using SystemCallSet = std::bitset<kMostSystemCalls>;

// What becomes of the signal for which a thread is stopped.
struct SignalAnswer {
  enum class Kind : uint8_t { deliver, suppress, replace };

  Kind kind = Kind::deliver;
  int signal = 0;  // to be delivered instead, or where the thread is stopped for something else

  static constexpr SignalAnswer suppress() { return {Kind::suppress, 0}; }
  static constexpr SignalAnswer replace(int signal) { return {Kind::replace, signal}; }
};

struct RunOptions {
  std::optional<int64_t> choose;  // the alternative, where the thread waits at a choice
  SignalAnswer signal;
  std::optional<SystemCallSet> system_calls;  // to stop at, before and after each
  // Stop only before each of them; where there is a filter, at none but those that it was made for (launch.h). Then no
  // other call costs anything.
  bool only_entries = false;
  std::optional<RemoteAddress> breakpoint;
  std::optional<pid_t> thread;     // which alone runs; else all run
  std::optional<int64_t> timeout;  // milliseconds
  // So many milliseconds the other threads may take to come to rest before a choice is reported: to wait in the kernel,
  // or at a choice of their own. What else they stop for is reported before it. Thus nobody's choice is missed for a
  // rollback that comes too early, and a state is one in which nobody is in the middle of something. A clock that we
  // keep does not follow the system's then: nobody is outside.
  std::optional<int64_t> settle;
  // Whether this is more of the last run, in which nothing was done to the process since: what has waited in it goes on
  // to wait.
  bool goes_on = false;

  bool wants(int64_t call) const {
    return system_calls && call >= 0 && call < static_cast<int64_t>(kMostSystemCalls) &&
           (*system_calls)[static_cast<size_t>(call)];
  }
  bool wants_exit_of(int64_t call) const { return !only_entries && wants(call); }

  // Asked some twenty times a second while the process runs; false ends the run.
  bool (*may_go_on)(void* context) = nullptr;
  void* context = nullptr;
};

}  // namespace pagestore

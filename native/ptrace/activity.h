// What a traced thread is doing, and what it waits to have answered.
//
// An activity is either "running" or one of the ptrace-stops of ptrace(2), with the data that belongs to that
// stop. A thread goes from running to a stop and from a stop to running, never from one stop to another:
//
//                  ┌──> system call entry ──┐
//                  ├──> system call exit  ──┤
//      running ────┼──> signal delivery   ──┼──> running
//                  ├──> interrupted       ──┤
//                  ├──> inside vfork      ──┘
//                  └──> ended
//
// Exec alone breaks the rule: the kernel then gives the process's own number to the thread that called it, so
// whatever that number did before, it is interrupted now (TracedThread::on_exec).
//
// A question is what a stopped thread waits to have answered by the next `resume`. It is separate from the
// activity: a rollback puts a thread before a question that it stopped for elsewhere in the kernel.
#pragma once

#include <signal.h>

#include <cstdint>
#include <optional>
#include <variant>

#include "linux/remote_address.h"
#include "ptrace/call_effects.h"
#include "ptrace/reported_call.h"
#include "ptrace/system_call.h"

namespace pagestore {

namespace activity {

// The system call that a thread has entered and not left.
struct EnteredCall {
  int64_t number;
  bool expects_filter_stop;                   // the system call filter will stop the thread once more for the same call
  int64_t began = 0;                          // when, in monotonic nanoseconds; 0 where nobody knows
  uint64_t first_argument = 0;                // it is made with
  CallEffects effects = {};                   // what its exit will tell
  std::optional<int64_t> answer = {};         // its result is ours; these two: answered_calls.h
  std::optional<SystemCall> replaced = {};    // the kernel makes another call instead of this
  std::optional<ReportedCall> reported = {};  // if its entry was
};

struct Running {
  std::optional<EnteredCall> call;
  bool is_inside_vfork = false;
};
struct CallEntry {
  std::optional<EnteredCall> call;  // none when the call will not be made: registers were changed
  bool is_past_filters = false;     // our filter stopped the thread, so all others have let the call by
};
struct CallExit {};
struct SignalDelivery {};
struct Interrupted {};  // also after the stop of a ptrace event
struct InsideVfork {
  std::optional<EnteredCall> call;
};
struct Ended {};

enum class Kind : uint8_t { running, call_entry, call_exit, signal_delivery, interrupted, inside_vfork, ended };
inline constexpr int kKinds = 7;

using Any = std::variant<Running, CallEntry, CallExit, SignalDelivery, Interrupted, InsideVfork, Ended>;
static_assert(std::variant_size_v<Any> == kKinds);

inline Kind kind_of(const Any& activity) {
  return static_cast<Kind>(activity.index());
}

// The one table of transitions.
constexpr bool is_legal(Kind from, Kind to) {
  if (from == Kind::running) return to != Kind::running;
  return from != Kind::ended && to == Kind::running;
}

}  // namespace activity

namespace question {

struct None {};
struct Choice {
  int alternatives;
  RemoteAddress file;
  uint64_t line;
};
struct Call {};         // a reported system call that the thread is about to make
struct ProcessExit {};  // the thread is about to end the process
struct ThreadExit {};
struct Signal {
  siginfo_t info;
};

enum class Kind : uint8_t { none, choice, call, process_exit, thread_exit, signal };

using Any = std::variant<None, Choice, Call, ProcessExit, ThreadExit, Signal>;

inline Kind kind_of(const Any& question) {
  return static_cast<Kind>(question.index());
}

}  // namespace question

}  // namespace pagestore

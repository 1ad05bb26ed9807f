// Decides about a traced thread that stopped: whether it runs on, or the stop is reported.
//
// The status that waitpid gave names the kind of stop; each kind has its own rules: system calls
// (system_call_stops.h), events (event_stops.h), group-stops, signals and breakpoints (here).
#pragma once

#include "ptrace/event_stops.h"
#include "ptrace/system_call_stops.h"

namespace pagestore {

class StopClassifier {
 public:
  StopClassifier(const EventStops::Parts& parts, const TimedWaits& waits)
      : parts_(parts),
        waits_(waits),
        system_calls_({parts.traits, parts.threads, parts.memory, parts.changes, parts.files, parts.program, waits,
                       parts.clock_calls}),
        events_(parts) {}

  // `event` is a stop of `thread`, which is marked as running; afterwards it is marked as stopped, unless it
  // stays in a group-stop. `*stop` is empty when nobody asked for this stop. `process_gone` when the thread was
  // killed meanwhile.
  Status classify(TracedThread& thread, const WaitEvent& event, const RunOptions& options, std::optional<Stop>* stop);

  // A thread that stands at the entry of a system call is about to make it.
  Status before_run(TracedThread& thread) { return system_calls_.before_run(thread); }

 private:
  Status classify_stop(TracedThread& thread, const WaitEvent& event, const RunOptions& options,
                       std::optional<Stop>* stop);
  static void report_end_of_call(TracedThread& thread, int signal, const RunOptions& options,
                                 std::optional<Stop>* stop);
  static bool classify_breakpoint(TracedThread& thread, const siginfo_t& info, const RunOptions& options,
                                  std::optional<Stop>* stop);
  Status classify_signal(TracedThread& thread, int signal, const RunOptions& options, std::optional<Stop>* stop) const;

  const EventStops::Parts parts_;
  const TimedWaits& waits_;
  SystemCallStops system_calls_;
  EventStops events_;
};

}  // namespace pagestore

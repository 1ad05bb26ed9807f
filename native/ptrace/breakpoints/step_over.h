// Runs a thread that is stopped at the address of a breakpoint one instruction on, before the breakpoint is inserted
// there: else the thread would stop at once where it is stopped already.
//
// All other threads stay stopped meanwhile. An instruction may do more than step: it may be a system call, fault, or
// start a thread. What it leads to is classified as at any other time, and reported if it is to be.
#pragma once

#include "ptrace/stop_classifier.h"

namespace pagestore {

struct StepTools {
  const RemoteMemory& memory;
  ProcessWaiter& waiter;
  StopClassifier& classifier;
};

// Whether a thread is stopped at that address, and does not come back to it by itself.
bool is_past_breakpoint(const TracedThread& thread, Registers registers, RemoteAddress address);

// Does nothing with a thread that is stopped elsewhere, or that comes back to this address by itself. `*stop` is
// what the thread stopped for on the way, if that is to be reported.
// Leaves to its caller: `options.breakpoint` is set, and not inserted.
Status step_over_breakpoint(const StepTools& tools, TracedThread& thread, const RunOptions& options,
                            std::optional<Stop>* stop);

}  // namespace pagestore

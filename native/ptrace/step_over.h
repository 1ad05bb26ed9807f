// Runs a thread that is stopped at the address of a breakpoint one instruction on, before the breakpoint is
// inserted there.
#pragma once

#include "ptrace/stop_classifier.h"

namespace pagestore {

struct StepTools {
  const RemoteMemory& memory;
  ProcessWaiter& waiter;
  StopClassifier& classifier;
};

// Does nothing with a thread that is stopped elsewhere, or that comes back to this address by itself. `*stop` is
// what is to be reported of the way, if anything.
// Leaves to its caller: `options.breakpoint` is set, and not inserted.
Status step_over_breakpoint(const StepTools& tools, TracedThread& thread, const RunOptions& options,
                            std::optional<Stop>* stop);

}  // namespace pagestore

// The signals that wait to be delivered to a stopped thread, or to any thread of its process: their order, and all that
// the kernel knows of each.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include "system/growing_array.h"
#include "system/status.h"

namespace pagestore {

enum class SignalQueue : uint8_t { of_thread, of_process };

// Adds those of one queue, in their order. Leaves to its caller: `thread` is stopped, and traced by the calling thread.
Status read_pending_signals(pid_t thread, SignalQueue queue, GrowingArray<siginfo_t>* signals);

}  // namespace pagestore

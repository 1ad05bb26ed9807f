// The pending signals of a tracee, as a snapshot keeps them, and how they are put back: the tracee takes all that wait
// off its queues, and sends itself those of the snapshot, with what the kernel knew of each.
//
// Equal signals, in equal order, are equal bytes. It leaves to its caller: the process is stopped.
#pragma once

#include "ptrace/traced_process.h"

namespace pagestore {

Status save_signals(const TracedProcess& process, GrowingArray<std::byte>* bytes);

// What counts in a key of bytes that `save_signals` gave: nothing that differs from run to run, as numbers of processes
// do. Signals of different numbers have no order.
Status append_signal_key(const TracedProcess& process, std::span<const std::byte> bytes, GrowingArray<std::byte>* key);

// `scratch` as find_scratch says it, null if there is none. Changes nothing: refuses queues that cannot be made what
// they were. `is_same`: there is nothing to restore, while the process stands and keeps its timers.
Status check_signals(const TracedProcess& process, std::span<const std::byte> bytes, RemoteAddress scratch,
                     bool* is_same);

// Makes the queues what they were; where that fails, what they are. Leaves to its caller: to check first, and that the
// process has the threads that it had.
Status restore_signals(TracedProcess& process, std::span<const std::byte> bytes, RemoteAddress scratch);

}  // namespace pagestore

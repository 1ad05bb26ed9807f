// How much time is left of the waits that threads are in, as a snapshot keeps it beside its threads: after a rollback a
// wait lasts as long as it would have lasted from the moment of the capture.
//
// It is no part of what makes two snapshots equal, nor of a key: a thread that waits is in the same state all the time.
#pragma once

#include "ptrace/traced_process.h"

namespace pagestore {

// Adds nothing where no thread is in a wait with a limit.
Status save_waits(const TracedProcess& process, GrowingArray<std::byte>* bytes);

// Of bytes that `save_waits` gave. Leaves to its caller: the threads were put back.
Status load_waits(TracedProcess& process, std::span<const std::byte> bytes);

}  // namespace pagestore

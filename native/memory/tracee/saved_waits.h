// What a snapshot keeps of the calls that its threads are in, beside the threads: how much time is left of a wait, so
// that it lasts as long after a rollback as it would have lasted from the moment of the capture; and whether the call's
// entry was seen, so that it is not reported once more.
//
// It is no part of what makes two snapshots equal, nor of a key: a thread that waits is in the same state all the time,
// whoever looks on.
#pragma once

#include "ptrace/traced_process.h"

namespace pagestore {

// Adds nothing where no thread is in a call with a limit, or in one that was seen.
Status save_waits(const TracedProcess& process, GrowingArray<std::byte>* bytes);

// Of bytes that `save_waits` gave. Leaves to its caller: the threads were put back.
Status load_waits(TracedProcess& process, std::span<const std::byte> bytes);

}  // namespace pagestore

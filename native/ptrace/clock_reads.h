// Answers the system calls by which a program reads a clock, from the clock that we keep for it, with results and
// errors as the kernel gives them.
#pragma once

#include <optional>

#include "ptrace/kept_clock.h"
#include "ptrace/stop.h"
#include "ptrace/system_call.h"

namespace pagestore {

void add_clock_reads(SystemCallSet* calls);

// A thread that is about to make `call`.
struct ClockReader {
  pid_t process, thread;
  const KeptClock& clock;
};

// The result, after the time was written where the call asks for that; nothing for a call that the kernel is to answer:
// because it reads no clock, or one that we do not keep, or because its arguments are wrong in a way that the kernel
// knows best.
std::optional<int64_t> answer_clock_read(const ClockReader& reader, const SystemCall& call);

}  // namespace pagestore

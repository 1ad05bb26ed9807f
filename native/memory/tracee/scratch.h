// Where a tracee may write some bytes for a call that we have it make: the last page of its stack, which is always
// there and writable. What was there is put back.
#pragma once

#include <optional>
#include <span>

#include "ptrace/traced_process.h"

namespace pagestore {

// None where the process has given up its stack.
std::optional<RemoteAddress> find_scratch(std::span<const std::byte> regions);

struct Scratch {
  RemoteAddress address;
  TracedThread* maker = nullptr;  // of the call; without one, the thread that stopped last
};

// A call that reads or writes `bytes` there, at most a page: they are as the call left them.
Status call_with_bytes(TracedProcess& process, const Scratch& scratch, const SystemCall& call,
                       std::span<std::byte> bytes, int64_t* result);

}  // namespace pagestore

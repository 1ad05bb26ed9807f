// System calls that a tracee makes for us: some 12 µs each.
//
// The thread makes the call from a call instruction in its memory, with all signals blocked, and is put back as
// it was. Signals that come meanwhile wait; one that cannot be blocked is sent again.
#pragma once

#include <optional>

#include "linux/remote_memory.h"
#include "ptrace/process_waiter.h"
#include "ptrace/system_call.h"
#include "system/address_range.h"

namespace pagestore {

class InjectedCalls {
 public:
  InjectedCalls(const ThreadTable& threads, ProcessWaiter& waiter, const RemoteMemory& memory)
      : threads_(threads), waiter_(waiter), memory_(memory) {}

  // Leaves to its caller: the thread is stopped. Refused where it is inside vfork, or runs 32-bit code.
  Status make(TracedThread& thread, const SystemCall& call, int64_t* result);

  // Runs a stopped thread to the exit of the call that it is about to make or has entered, without reporting
  // anything on the way.
  Status run_to_exit(TracedThread& thread);

  // Another program has other code.
  void on_exec() { instruction_.reset(); }

 private:
  Status find_instruction(RemoteAddress* address);
  bool is_instruction(RemoteAddress address) const;
  bool search(const AddressRange& range, RemoteAddress* address) const;

  const ThreadTable& threads_;
  ProcessWaiter& waiter_;
  const RemoteMemory& memory_;
  std::optional<RemoteAddress> instruction_;
};

}  // namespace pagestore

// System calls that a tracee makes for us: some 12 µs each.
//
// The thread makes the call from a call instruction in its memory, with all signals blocked, and is put back as
// it was. Signals that come meanwhile wait; one that cannot be blocked is sent again.
//
// A process that we attached to must not notice how we end. Its threads make the call from within a stub (stub/stub.h),
// some 2 µs more, and put themselves back if we do not.
#pragma once

#include <optional>

#include "linux/remote_memory.h"
#include "ptrace/filters/allowed_calls.h"
#include "ptrace/process_traits.h"
#include "ptrace/process_waiter.h"
#include "ptrace/stub/stub_calls.h"
#include "ptrace/system_call.h"
#include "system/address_range.h"

namespace pagestore {

class InjectedCalls {
 public:
  InjectedCalls(const ProcessTraits& traits, CurrentProgram& program, const ThreadTable& threads, ProcessWaiter& waiter,
                const RemoteMemory& memory)
      : traits_(traits),
        program_(program),
        threads_(threads),
        waiter_(waiter),
        memory_(memory),
        stubs_(threads, memory) {}

  // Leaves to its caller: the thread is stopped. Refused where it is inside vfork, or runs 32-bit code; and where a
  // filter of its own may kill it for the call (`permission`).
  Status make(TracedThread& thread, const SystemCall& call, int64_t* result) { return make(thread, call, {}, result); }
  // With bytes for an argument to point to, in a process that outlives us.
  Status make(TracedThread& thread, const SystemCall& call, const ArgumentBytes& argument, int64_t* result);

  // That thread, if a filter of its own allows it the call; else another one that is stopped and may make it, if any.
  TracedThread& choose_maker(TracedThread& first, const SystemCall& call);

  // Runs a stopped thread to the exit of the call that it is about to make or has entered, without reporting
  // anything on the way. `signal` is delivered, as `TracedThread::run` takes it.
  Status run_to_exit(TracedThread& thread, int signal = 0);

  // Another program has other code.
  void on_exec() {
    instruction_.reset();
    stubs_.on_exec();
  }

  // Of a process that outlives us; null for any other.
  StubCalls* stubs() { return traits_.outlives_us ? &stubs_ : nullptr; }

 private:
  Status check_allowed(TracedThread& thread, const SystemCall& call);
  Status enter_call(TracedThread& thread, const SystemCall& call, const ArgumentBytes& argument);
  Status return_to_signal(TracedThread& thread, int signal);
  Status find_instruction(RemoteAddress* address);
  bool is_instruction(RemoteAddress address) const;
  bool search(const AddressRange& range, RemoteAddress* address) const;

  const ProcessTraits& traits_;
  CurrentProgram& program_;
  const ThreadTable& threads_;
  ProcessWaiter& waiter_;
  const RemoteMemory& memory_;
  StubCalls stubs_;
  AllowedCalls allowed_;
  std::optional<RemoteAddress> instruction_;
};

}  // namespace pagestore

// Which system calls of a tracee we must see, and the filter that makes the kernel stop the tracee at those and
// at no others.
//
// We see calls that change mappings; calls that end a thread or the process (at their entry an end can still be
// undone); the call by which a thread tells the kernel where to clear its number; and the calls by which a
// program under check speaks to us. Between them a program runs at full speed. A filter cannot be removed:
// without a tracer these calls fail, in this process and in all that it starts.
#pragma once

#include <cstdint>

namespace pagestore {

// What a call means to us.
enum class SystemCallKind : uint8_t {
  other,
  mapping,  // changes mappings
  advice,   // replaces or drops pages
  process_exit,
  thread_exit,
  id_address,
  random,
  check,  // these three by a program under check: trap.h
  choice,
  assertion,
};

SystemCallKind kind_of_call(int64_t number);

// Puts the filter on the calling process. Async-signal-safe: for a child before exec. Returns 0 or errno.
int install_system_call_filter();

}  // namespace pagestore

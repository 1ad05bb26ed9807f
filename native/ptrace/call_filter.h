// Which system calls of a tracee we must see, and the filter by which the kernel shows us those and no
// others.
//
// Seen are calls that change mappings, those that end a thread or the process (at their entry an end can
// still be undone), the one by which a thread says where its number is noted, and a program's question
// whether it is under check. A program runs at full speed between them. A filter cannot be taken off
// again: without a tracer these calls fail, in this process and in all that come from it.
#pragma once

#include <cstdint>

namespace pagestore {

// What a call means to us.
enum class CallKind : uint8_t {
  other,
  mapping,
  advice,
  end_of_process,
  end_of_thread,
  id_address,
  random,
  check,  // and two more that a program under check makes: trap.h
  choice,
  assertion,
};

CallKind kind_of_call(int64_t number);

// Puts the filter on the calling process. Async-signal-safe: for a child before exec. Returns 0 or errno.
int install_call_filter();

}  // namespace pagestore

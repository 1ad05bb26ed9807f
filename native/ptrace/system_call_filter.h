// Which system calls of a tracee we must see, and the filter that makes the kernel stop the tracee at those, at further
// ones that its owner names, and at no others.
//
// We see calls that change mappings or descriptors; calls that end a thread or the process (at their entry an end can
// still be undone); the call by which a thread tells the kernel where to clear its number; the call that starts what
// nobody is to trace (CLONE_UNTRACED); and the calls by which a program under check speaks to us. Between them a
// program runs at full speed. A filter cannot be removed: without a tracer these calls fail, in this process and in all
// that it starts.
//
// The kernel answers clone3 as one that does not have it (ENOSYS), since its flags lie in memory, where a filter cannot
// see them: C libraries then make the call clone instead. Calls of another interface than that of 64-bit programs (32
// bits, x32) stop a thread, too: their numbers mean something else.
//
// A filter is a value, made before the child is forked that puts it on itself: from a fork to its exec nothing may be
// allocated. Further calls may be nearly all that there are, so the filter's program finds a number among ranges by
// bisection. The kernel keeps its answers (Linux 5.11), so that a call at which it does not stop costs nothing.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <span>

#include "ptrace/stop.h"
#include "system/growing_array.h"
#include "system/status.h"

namespace pagestore {

// What a call means to us.
enum class SystemCallKind : uint8_t {
  other,
  mapping,  // changes mappings
  advice,   // replaces or drops pages
  timer,    // makes or deletes one of the kernel's timers
  filter,   // adds a filter (seccomp)
  process_exit,
  thread_exit,
  id_address,
  random,
  descriptors,  // opens, closes or changes descriptors
  exec,         // becomes another program
  transfer,     // moves bytes between descriptors, or on many of them
  clone,        // starts a thread or a process, perhaps one that nobody is to trace
  clone3,
  check,  // these three by a program under check: trap.h
  choice,
  assertion,
};

constexpr int64_t kSealMemory = 462;  // mseal, since Linux 6.10

SystemCallKind kind_of_call(int64_t number);

// Whether a call of the x32 interface, which 64-bit programs may make where the kernel has it.
bool is_x32_call(int64_t number);

// What the audit of the kernel calls our interface: AUDIT_ARCH_…
uint32_t our_interface();

// Whether the filter that is made of `further` stops at a call; at clone only if nobody is to trace what it starts.
bool is_filtered(const SystemCallSet& further, int64_t number);

class SystemCallFilter {
 public:
  static Status make(const SystemCallSet& further, SystemCallFilter* filter);

  // Puts it on the calling process. Async-signal-safe: for a child before exec. Returns 0 or errno.
  int install() const;

  std::span<const sock_filter> program() const { return {program_.data(), program_.size()}; }

 private:
  GrowingArray<sock_filter> program_;
};

}  // namespace pagestore

// The timers of a tracee that the kernel keeps by number (timer_create): which there are, and how they become those of
// a snapshot. A timer that was made since is deleted; one that was deleted since is made again with its number, where
// the kernel does that (Linux 6.15), and else the restore is refused. When a timer goes off is no part of it: the
// program may have set it to another time since, and one that is made again is not set.
//
// They are looked up only when a call may have changed them.
#pragma once

#include <span>

#include "ptrace/traced_process.h"

namespace pagestore {

class KernelTimers {
 public:
  explicit KernelTimers(TracedProcess& process) : process_(process) {}

  // Equal timers are equal bytes.
  Status save(GrowingArray<std::byte>* bytes);
  // Of bytes that `save` gave. Changes nothing: refuses timers that cannot be made again. `is_same`: there is nothing
  // to restore.
  Status check(std::span<const std::byte> bytes, RemoteAddress scratch, bool* is_same);
  Status restore(std::span<const std::byte> bytes, RemoteAddress scratch);

 private:
  struct Timer {
    int32_t number, signal;
    uint64_t value;  // that comes with the signal
    int32_t notification, thread, clock, unused;
  };
  using Timers = GrowingArray<Timer>;

  Status read();
  Status make_again(const Timer& timer, RemoteAddress scratch);
  Status keep_numbers(bool keeps, int64_t* result);
  static const Timer* find(std::span<const Timer> timers, const Timer& timer);
  static Status read_saved(std::span<const std::byte> bytes, Timers* timers);

  TracedProcess& process_;
  Timers timers_;
};

}  // namespace pagestore

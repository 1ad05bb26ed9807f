// The timers of a tracee that the kernel keeps by number (timer_create): which there are, and how they become those of
// a snapshot. When a timer goes off is no part of it: the program may have set it to another time since, and one that
// is put back is not set.
//
// Where the kernel makes a timer with the number that it is asked for (Linux 6.15), one that was made since is deleted,
// and one that was deleted since is made again. Elsewhere nobody can bring a number back. So what was made since is
// only stopped there, and hidden: it is in no snapshot until a restore wants it again. What the program itself has
// deleted is lost, and a restore that needs it is refused, unless somebody else says so.
//
// They are looked up only when a call may have changed them.
#pragma once

#include <span>

#include "ptrace/traced_process.h"

namespace pagestore {

class KernelTimers {
 public:
  explicit KernelTimers(TracedProcess& process) : process_(process) {}

  // A restore without a timer that is lost is not refused: the caller names the calls that delete timers.
  void allow_losses() { allows_losses_ = true; }

  // Equal timers are equal bytes.
  Status save(GrowingArray<std::byte>* bytes);
  // Of bytes that `save` gave. Changes nothing: refuses timers that cannot be made again. `is_same`: there is nothing
  // to restore.
  Status check(std::span<const std::byte> bytes, RemoteAddress scratch, bool* is_same);
  Status restore(std::span<const std::byte> bytes, RemoteAddress scratch);

  // What counts of bytes that `save` gave: equal in another run of the program, too. Nothing without timers.
  static Status append_key(const TracedProcess& process, std::span<const std::byte> bytes,
                           GrowingArray<std::byte>* key);

 private:
  struct Timer {
    int32_t number, signal;
    uint64_t value;  // that comes with the signal
    int32_t notification, thread, clock, unused;
  };
  using Timers = GrowingArray<Timer>;

  Status read();
  bool has_all(const Timers& wanted) const;
  bool is_at(const Timers& wanted) const;
  Status take_away(const Timer& timer, bool can_come_back, RemoteAddress scratch);
  Status hide_all_but(const Timers& wanted);
  Status make_again(const Timer& timer, RemoteAddress scratch);
  Status keep_numbers(bool keeps, bool* is_kept);
  static const Timer* find(const Timers& timers, const Timer& timer);
  static Status read_saved(std::span<const std::byte> bytes, Timers* timers);

  TracedProcess& process_;
  Timers timers_;  // all that the kernel has
  Timers hidden_;
  bool allows_losses_ = false;
};

}  // namespace pagestore

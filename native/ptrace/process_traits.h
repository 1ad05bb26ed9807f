// What all parts of a traced process must know of it: what was decided when tracing began, and which program the
// process is by now.
//
// TracedProcess alone writes the traits, before any thread runs; to the parts they are constant. The current program
// changes when a thread calls exec (event_stops.h) or says where its declarations are (system_call_stops.h). A rollback
// sets the declarers, too; it cannot undo an exec, so a snapshot of another program number is refused.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "ptrace/declarers.h"
#include "ptrace/filters/filter_programs.h"
#include "ptrace/stop.h"
#include "system/address_range.h"

namespace pagestore {

struct ProcessTraits {
  pid_t pid = 0;
  bool is_spawned = false;      // by us, and ends with us
  bool outlives_us = false;     // it runs on whatever ends us (stub/stub.h)
  bool has_filter = false;      // of system_call_filter.h
  SystemCallSet further_calls;  // that the filter stops at, beside those that we must see
  // It has, or may have, a filter of somebody else's, as in a container (answered_calls.h).
  bool has_others_filter = false;
  // The C library marks freed blocks of its heap with a random number, which shall always be the same.
  bool has_deterministic_heap = false;
  bool has_random_addresses = false;  // although they were to be fixed, which the system refused
  bool keeps_clock = false;           // its time is ours (kept_clock.h)
  bool answers_counter = false;       // the processor's counter is disabled, for us (time_stamp_counter.h)
};

class Userfaultfd;

// Memory that a program has registered with userfaultfds of its own, as far as it has not been seen to be given up.
struct RegisteredMemory {
  RangeSet all;
  RangeSet served;  // of that: whoever touches a page that does not exist waits until somebody has made it

  Status add(const AddressRange& range, bool is_served) {
    if (Status status = all.add(range); !status.is_ok()) return status;
    return is_served ? served.add(range) : Status::ok();
  }
};

struct ProgramFacts {
  uint32_t number = 0;  // each exec makes one more
  Declarers declarers;
  AddressRange growing{};  // around all mappings that it made to grow down, as the first stack does; empty without any
  bool may_have_moved_break = true;
  bool has_guards = false;  // it has made pages fault by MADV_GUARD_INSTALL, which no list of mappings shows
  bool has_seals = false;   // it has made mappings that cannot be changed (mseal)
  bool may_have_changed_timers = true;  // made or deleted one (timer_create) since somebody looked
  bool may_have_new_filters = true;     // seccomp, since somebody asked
  bool may_have_given_up = true;        // memory that it had registered, since somebody looked
  bool has_unknown_filters = false;     // of its own, of which nothing is known
  bool may_have_children = false;       // processes that it has started, and not waited for
  bool is_32_bit = false;
  bool has_made_other_calls = false;  // of an interface for 32-bit programs, or x32: nobody knows what they did
};

struct CurrentProgram : ProgramFacts {
  RegisteredMemory registered;
  RangeSet freed;                            // pages there may vanish until they are written to (MADV_FREE)
  const Userfaultfd* userfaultfd = nullptr;  // ours, which has to give up what it registers
  FilterPrograms filters;                    // that it was seen to add to its own, and keeps beyond exec

  // As of a fork of `other`, which has no userfaultfd: none of the other's is its own.
  Status begin_as(const CurrentProgram& other) {
    static_cast<ProgramFacts&>(*this) = other;
    if (Status status = filters.add_all(other.filters); !status.is_ok()) return status;
    return freed.add_all(other.freed.ranges());
  }
};

}  // namespace pagestore

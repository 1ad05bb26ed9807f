// Starts a program under our control: in a session of its own, with nothing inherited but what it is given, and
// stopped where its own code begins, after the dynamic linker has done its work.
//
// A forked child waits until it is traced, prepares itself and calls exec; whatever of that fails, it reports through a
// pipe, and the Status names the step. Until it is another program, nobody may read it who may not read us. Then the
// program runs to a breakpoint at its entry. It promises that two starts with the same options are the same, byte for
// byte, as far as the options ask for that. It leaves to its caller: the strings of the options live until it returns.
#pragma once

#include <array>
#include <optional>

#include "ptrace/traced_process.h"

namespace pagestore {

struct LaunchOptions {
  const char* file = nullptr;   // with a slash, or in the directory that the program starts in
  char* const* args = nullptr;  // the first is its name; a null pointer ends both lists
  char* const* env = nullptr;
  const char* cwd = nullptr;                              // null for ours
  std::array<std::optional<int>, 3> streams = {0, 1, 2};  // descriptors of ours; /dev/null where there is none
  // Whether every start is the same: no address space layout randomization; always the same 16 random bytes
  // that the kernel gives to a program, and the same times that its dynamic linker takes.
  bool has_deterministic_addresses = true;
  bool has_deterministic_random = true;
  bool has_kept_clock = false;   // whether its time is ours, see kept_clock.h; it can never be detached then either
  bool has_filter = true;        // it can never be detached then, see system_call_filter.h
  SystemCallSet further_calls;   // that the filter stops at, beside those that we must see; RunOptions says which of
                                 // them are reported, and from the others the program runs on
  std::optional<int> processor;  // to run on; any without
  int first_processor = 0;       // that it starts on if it has one to run on, until it stops to be reported
  RunOptions run;                // how long the start may take, and who says whether it may go on
};

// On failure nothing is left of the program.
Status launch(const LaunchOptions& options, TracedProcess* process);

}  // namespace pagestore

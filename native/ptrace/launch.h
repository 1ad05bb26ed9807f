// Starts a program under our control: in a session of its own, with nothing inherited but what it is given,
// standing where its own code begins, the dynamic linker's work done.
#pragma once

#include "ptrace/traced_process.h"

namespace pagestore {

struct LaunchOptions {
  static constexpr int kIgnore = -1;

  const char* file = nullptr;        // with a slash, or in the directory it is started in
  char* const* arguments = nullptr;  // the first is its name; a null pointer ends both lists
  char* const* environment = nullptr;
  const char* directory = nullptr;  // null for ours
  int streams[3] = {0, 1, 2};       // descriptors of ours, or kIgnore
  bool fixes_addresses = true;      // no address space layout randomization
  bool fixes_random = true;         // the 16 random bytes that a program starts with are always the same,
                                    // and the times that its dynamic linker takes
  bool has_filter = true;           // it can never be let go then, see call_filter.h
  int processor = -1;               // to run on; below 0 for any
  RunOptions run;                   // how long its start may take, and who says whether it may go on
};

// On failure nothing is left of it.
Status launch(const LaunchOptions& options, TracedProcess* process);

}  // namespace pagestore

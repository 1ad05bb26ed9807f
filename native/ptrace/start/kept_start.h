// Starts one program several times at the same addresses, where the system does not let us fix them.
//
// A container may refuse personality(ADDR_NO_RANDOMIZE). Then the first start of a program has addresses by chance, and
// all further ones are to have the same. So a fork of the first is kept, stopped where the program's own code begins,
// and each further start is a fork of that: with the memory, the descriptors, the filter and the parent that a start
// has, and with a session and a number of its own. The kept process never runs. Where somebody has killed it, or the
// system has nothing left for a fork, a start is refused: another one in its place would have other addresses unseen.
//
// A program that has more than a start has by then, further threads or descriptors that its libraries made, is not
// kept: each of its starts has other addresses. It promises nothing where the system fixes addresses but what `launch`
// does.
#pragma once

#include <memory>

#include "ptrace/launch.h"

namespace pagestore {

class KeptStart : NonCopyable {
 public:
  // The same options each time.
  Status start(const LaunchOptions& options, TracedProcess* process);
  // Whether addresses are chance, and starts have others than this one.
  bool has_other_addresses(const TracedProcess& process) const { return process.has_random_addresses() && !kept_; }

 private:
  std::unique_ptr<TracedProcess> kept_;
};

}  // namespace pagestore

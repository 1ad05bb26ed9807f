// Gives a tracee descriptors of ours, over a socket pair that it makes for that.
//
// The tracee makes the pair and we take one end (pidfd_getfd), or it connects to us where that is forbidden; then each
// file is one message. It leaves to its caller:
// bytes of the process that may be overwritten and are put back, and that the process is stopped.
#pragma once

#include "memory/tracee/scratch.h"
#include "system/non_copyable.h"
#include "system/scoped_fd.h"

namespace pagestore {

class PassedFiles : NonCopyable {
 public:
  PassedFiles(TracedProcess& process, RemoteAddress scratch) : process_(process), scratch_(scratch) {}

  // The tracee's end gets that number, which nothing else has.
  Status open(int32_t number);
  // `*number` is what the tracee calls it from now on.
  Status pass(int descriptor, int32_t* number);
  Status close();

 private:
  Status connect(int32_t number);
  Status exchange(const SystemCall& call, std::span<std::byte> bytes, int64_t* result);

  TracedProcess& process_;
  const RemoteAddress scratch_;
  ScopedFd ours_;
  int32_t theirs_ = -1;
};

}  // namespace pagestore

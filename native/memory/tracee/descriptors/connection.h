// A connection of a tracee with us, over which open files are passed, where the kernel does not let us have its
// descriptors (pidfd_getfd).
//
// The tracee makes a socket and connects it to one of ours, which listens under a name that the kernel picks and that
// is gone as soon as the connection is there; whoever else connects is turned away. It leaves to its caller: bytes of
// the process that may be overwritten and are put back, that the process is stopped, and to `close`.
#pragma once

#include "linux/descriptor_copies.h"
#include "memory/tracee/scratch.h"
#include "system/non_copyable.h"
#include "system/scoped_fd.h"

namespace pagestore {

class Connection : NonCopyable {
 public:
  Connection(TracedProcess& process, RemoteAddress scratch) : process_(process), scratch_(scratch) {}

  Status open();
  int32_t theirs() const { return theirs_; }
  ScopedFd take_ours() { return std::move(ours_); }
  // So many descriptors of the tracee, at most kMostAtOnce, as copies of ours; fewer where there is no room for all.
  static constexpr size_t kMostAtOnce = 200;
  Status copy(std::span<const int32_t> numbers, DescriptorCopies* copies);
  // The tracee's end; ours is closed anyway.
  Status close();

 private:
  Status accept(const ScopedFd& listening);
  Status receive(std::span<const int32_t> numbers, DescriptorCopies* copies) const;

  TracedProcess& process_;
  const RemoteAddress scratch_;
  ScopedFd ours_;
  int32_t theirs_ = -1;
};

// Copies of all that the tracee has open.
Status copy_descriptors(TracedProcess& process, RemoteAddress scratch, DescriptorCopies* copies);

}  // namespace pagestore

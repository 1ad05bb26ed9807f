// A userfaultfd that write-protects pages asynchronously: at the first write to a protected page the kernel
// notes it, lifts the protection and lets the writer go on. `PAGEMAP_SCAN` (pagemap.h) finds the pages that
// were written.
//
// It serves the address space that it was made in: our own, or that of a tracee, which made it by an injected
// system call. Ranges are whole pages. The kernel lets one userfaultfd at a time have a range, and forgets all
// ranges when the descriptor is closed. Page contents are never touched.
#pragma once

#include <fcntl.h>

#include <utility>

#include "linux/kernel_pages.h"
#include "system/address_range.h"
#include "system/scoped_fd.h"
#include "system/status.h"

namespace pagestore {

class Userfaultfd {
 public:
  // What userfaultfd(2) is called with, here or in a tracee.
  static constexpr int kFlags = O_CLOEXEC | O_NONBLOCK | kernel::kUffdUserModeOnly;

  Userfaultfd() = default;  // not open

  // For our own address space.
  static Status open(Userfaultfd* userfaultfd);
  // Takes over a descriptor that was made with `kFlags` and not used yet.
  static Status from(ScopedFd descriptor, Userfaultfd* userfaultfd);

  bool is_open() const { return descriptor_.is_open(); }

  // From now on pages of the range can be write-protected; none is yet.
  Status register_range(const AddressRange& range) const;
  // What cannot be given up stays registered.
  void unregister_range(const AddressRange& range) const;
  Status write_protect(const AddressRange& range) const;
  // Before pages of files become guards: the kernel would wait for ever until nothing of them is protected.
  void unprotect(const AddressRange& range) const;

 private:
  explicit Userfaultfd(ScopedFd descriptor) : descriptor_(std::move(descriptor)) {}

  ScopedFd descriptor_;
};

}  // namespace pagestore

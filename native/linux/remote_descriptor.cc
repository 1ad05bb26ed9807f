#include "linux/remote_descriptor.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace pagestore {

ScopedFd open_process(pid_t task) {
  constexpr long kOfThread = O_EXCL;  // PIDFD_THREAD
  ScopedFd process(static_cast<int>(syscall(SYS_pidfd_open, task, 0)));
  if (process.is_open() || errno == ENOSYS || errno == EPERM) return process;
  return ScopedFd(static_cast<int>(syscall(SYS_pidfd_open, task, kOfThread)));
}

int get_descriptor(const ScopedFd& process, int descriptor) {
  constexpr long kGetFd = 438;  // pidfd_getfd, which some headers lack
  return static_cast<int>(syscall(kGetFd, process.get(), descriptor, 0));
}

bool may_get_descriptors() {
  static const bool may = [] {
    const ScopedFd here = open_process(getpid());
    return here.is_open() && ScopedFd(get_descriptor(here, here.get())).is_open();
  }();
  return may;
}

ScopedFd copy_descriptor(pid_t task, int descriptor) {
  const ScopedFd process = open_process(task);
  return process.is_open() ? ScopedFd(get_descriptor(process, descriptor)) : ScopedFd();
}

}  // namespace pagestore

#include "linux/remote_descriptor.h"

#include <sys/syscall.h>
#include <unistd.h>

namespace pagestore {

ScopedFd open_process(pid_t pid) {
  return ScopedFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
}

int get_descriptor(const ScopedFd& process, int descriptor) {
  constexpr long kGetFd = 438;  // pidfd_getfd, which some headers lack
  return static_cast<int>(syscall(kGetFd, process.get(), descriptor, 0));
}

ScopedFd copy_descriptor(pid_t pid, int descriptor) {
  const ScopedFd process = open_process(pid);
  return process.is_open() ? ScopedFd(get_descriptor(process, descriptor)) : ScopedFd();
}

}  // namespace pagestore

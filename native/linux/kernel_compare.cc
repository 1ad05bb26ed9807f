#include "linux/kernel_compare.h"

#include <linux/kcmp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace pagestore {

Sameness compare_tasks(pid_t a, pid_t b, Shared what) {
  const int type = what == Shared::memory ? KCMP_VM : KCMP_FILES;
  const long result = syscall(SYS_kcmp, a, b, type, 0, 0);
  if (result >= 0) return result == 0 ? Sameness::same : Sameness::different;
  const bool is_others = errno == EPERM && syscall(SYS_kcmp, a, a, type, 0, 0) == 0;
  return errno == ESRCH || is_others ? Sameness::different : Sameness::unknown;
}

Sameness compare_files(pid_t task, int32_t a, pid_t other, int32_t b) {
  const long result = syscall(SYS_kcmp, task, other, KCMP_FILE, a, b);
  if (result < 0) return Sameness::unknown;
  return result == 0 ? Sameness::same : Sameness::different;
}

int order_files(pid_t task, int32_t a, pid_t other, int32_t b) {
  const long result = syscall(SYS_kcmp, task, other, KCMP_FILE, a, b);
  if (result <= 0) return 0;
  return result == 1 ? -1 : 1;
}

bool may_compare_files() {
  static const bool may = syscall(SYS_kcmp, getpid(), getpid(), KCMP_VM, 0, 0) == 0;
  return may;
}

}  // namespace pagestore

#include "store/backing_file.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "system/mapping.h"
#include "system/old_glibc.h"

namespace pagestore {

namespace {

// The kernel's numbers for the mount calls: the C library that we must run on is older than they are.
constexpr long kFsopen = 430, kFsconfig = 431, kFsmount = 432;
constexpr unsigned kFsopenCloexec = 1, kFsmountCloexec = 1;
constexpr unsigned kFsconfigSetString = 1, kFsconfigCreate = 6;
constexpr unsigned kMountNosuid = 2, kMountNodev = 4, kMountNoexec = 8;

bool configure(int filesystem, const char* key, const char* value) {
  return syscall(kFsconfig, filesystem, kFsconfigSetString, key, value, 0) == 0;
}

// Needs CAP_SYS_ADMIN over the mount namespace.
int huge_file_in_own_tmpfs(uint64_t bytes) {
  char size[24];
  snprintf(size, sizeof(size), "%llu", static_cast<unsigned long long>(bytes));
  ScopedFd filesystem(static_cast<int>(syscall(kFsopen, "tmpfs", kFsopenCloexec)));
  if (!filesystem.is_open() || !configure(filesystem.get(), "huge", "advise") ||
      !configure(filesystem.get(), "size", size) ||
      syscall(kFsconfig, filesystem.get(), kFsconfigCreate, nullptr, nullptr, 0) != 0) {
    return -1;
  }
  ScopedFd mount(static_cast<int>(
      syscall(kFsmount, filesystem.get(), kFsmountCloexec, kMountNosuid | kMountNodev | kMountNoexec)));
  if (!mount.is_open()) return -1;
  return openat(mount.get(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

bool write_file(const char* path, const char* text) {
  ScopedFd file(open(path, O_WRONLY | O_CLOEXEC));
  const auto length = static_cast<ssize_t>(strlen(text));
  return file.is_open() && write(file.get(), text, length) == length;
}

// What the child is to do, and what came of it.
struct Errand {
  uint64_t bytes;  // 0: without limit, as tmpfs says it
  uid_t user;
  gid_t group;
  int fd;
  int error_number;
};

// Runs in the child, which has our memory and our descriptors, and namespaces of its own.
int run_errand(void* argument) {
  auto* errand = static_cast<Errand*>(argument);
  char users[32], groups[32];
  snprintf(users, sizeof(users), "%u %u 1", errand->user, errand->user);
  snprintf(groups, sizeof(groups), "%u %u 1", errand->group, errand->group);
  // Without the maps, no user could own the new file. The kernel accepts a group map only once setgroups is denied.
  if (write_file("/proc/self/setgroups", "deny") && write_file("/proc/self/uid_map", users) &&
      write_file("/proc/self/gid_map", groups)) {
    errand->fd = huge_file_in_own_tmpfs(errand->bytes);
  }
  errand->error_number = errno;
  return 0;
}

// By a child that shares our memory and descriptors, so that the file it opens is ours, but not our namespaces. This
// thread waits until the child has ended. The child raises no SIGCHLD and only we can reap it, so the host does not
// notice it.
int huge_file_in_own_namespace(uint64_t bytes) {
  constexpr size_t kStack = 64 << 10;
  Mapping stack = Mapping::anonymous(kStack);
  if (!stack.is_mapped()) return -1;
  Errand errand{bytes, geteuid(), getegid(), -1, 0};

  sigset_t all, before;
  sigfillset(&all);
  mask_signals(SIG_SETMASK, &all, &before);  // no handler of the host may run in the child
  const int child = clone(run_errand, stack.data() + kStack,
                          CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_NEWUSER | CLONE_NEWNS, &errand);
  const int clone_error = errno;
  if (child > 0) {
    while (waitpid(child, nullptr, __WALL) < 0 && errno == EINTR) continue;
  }
  mask_signals(SIG_SETMASK, &before, nullptr);
  errno = child > 0 ? errand.error_number : clone_error;
  return errand.fd;
}

}  // namespace

BackingFile open_huge_file(std::optional<uint64_t> bytes) {
  int fd = huge_file_in_own_tmpfs(bytes.value_or(0));
  if (fd < 0 && (errno == EPERM || errno == EACCES)) fd = huge_file_in_own_namespace(bytes.value_or(0));
  return {ScopedFd(fd), MemoryKind::huge};
}

BackingFile open_memfd() {
  ScopedFd fd(memfd_create("pagestore", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (fd.is_open() && fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK) != 0) return {};
  return {std::move(fd), MemoryKind::memfd};
}

}  // namespace pagestore

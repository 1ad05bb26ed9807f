#include "ptrace/process_paths.h"

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "ptrace/descriptor_calls.h"
#include "system/old_glibc.h"

namespace pagestore {

namespace {

constexpr size_t kMostLocalPath = kMostPath + 64;

constexpr uint64_t kNoSymbolicLinks = 0x04, kBeneath = 0x08, kInRoot = 0x10, kCached = 0x20;

// False for a path that does not start with what every process has for itself.
bool find_own(pid_t task, const char* path, std::span<char> there) {
  constexpr struct {
    const char* start;
    const char* means;
  } kOwn[] = {{"/proc/self/", ""},    {"/proc/thread-self/", ""}, {"/dev/fd/", "fd/"},
              {"/dev/stdin", "fd/0"}, {"/dev/stdout", "fd/1"},    {"/dev/stderr", "fd/2"}};
  for (const auto& each : kOwn) {
    if (strncmp(path, each.start, strlen(each.start)) != 0) continue;
    snprintf(there.data(), there.size(), "/proc/%d/%s%s", task, each.means, path + strlen(each.start));
    return true;
  }
  return false;
}

// Where the process starts from.
void find_start(pid_t task, int folder, const char* path, std::span<char> there) {
  if (path[0] == '/') {
    snprintf(there.data(), there.size(), "/proc/%d/root", task);
  } else if (folder == AT_FDCWD) {
    snprintf(there.data(), there.size(), "/proc/%d/cwd", task);
  } else {
    snprintf(there.data(), there.size(), "/proc/%d/fd/%d", task, folder);
  }
}

bool is_same_file(const char* path, const char* other) {
  struct stat a, b;
  if (read_file_status(path, &a) != 0 || read_file_status(other, &b) != 0) return false;
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

// In another namespace of mounts the same directory may have other things in it.
bool has_our_root(pid_t task) {
  char root[64], mounts[64];
  snprintf(root, sizeof(root), "/proc/%d/root", task);
  snprintf(mounts, sizeof(mounts), "/proc/%d/ns/mnt", task);
  return is_same_file(root, "/") && is_same_file(mounts, "/proc/self/ns/mnt");
}

ScopedFd look_up_from(const char* start, const char* path, uint64_t resolve) {
  const ScopedFd folder(open(start, O_PATH | O_CLOEXEC));
  if (!folder.is_open()) return {};
  const OpenHow how{O_PATH | O_CLOEXEC, 0, resolve & ~kCached};
  return ScopedFd(static_cast<int>(syscall(kOpenat2, folder.get(), path, &how, sizeof(how))));
}

}  // namespace

// Page by page: what lies behind its end may not be mapped.
bool read_path(const RemoteMemory& memory, uint64_t address, std::span<char, kMostPath> path) {
  constexpr size_t kPart = 256;
  for (size_t done = 0; done < path.size();) {
    const size_t count = std::min<size_t>(kPart - (address + done) % kPart, path.size() - done);
    if (!memory.read(RemoteAddress(address + done), path.data() + done, count).is_ok()) return false;
    if (memchr(path.data() + done, '\0', count) != nullptr) return true;
    done += count;
  }
  return false;
}

ScopedFd look_up(pid_t task, int folder, const char* path, uint64_t resolve) {
  char there[kMostLocalPath];
  if (resolve == 0 && find_own(task, path, there)) return ScopedFd(open(there, O_PATH | O_CLOEXEC));
  const bool starts_below = (resolve & kInRoot) != 0;
  find_start(task, folder, starts_below ? "" : path, there);
  if (!has_our_root(task)) {
    const uint64_t kept = path[0] == '/' || starts_below ? kInRoot : kBeneath | kNoSymbolicLinks;
    return look_up_from(there, path, resolve | kept);
  }
  if (resolve != 0) return look_up_from(there, path, resolve);
  const ScopedFd start(path[0] == '/' ? -1 : open(there, O_PATH | O_CLOEXEC));
  if (path[0] != '/' && !start.is_open()) return {};
  return ScopedFd(openat(start.get(), path, O_PATH | O_CLOEXEC));
}

bool has_one_thread(pid_t task) {
  constexpr nlink_t kOfNone = 2;
  char path[48];
  struct stat status;
  snprintf(path, sizeof(path), "/proc/%d/task", task);
  return read_file_status(path, &status) == 0 && status.st_nlink == kOfNone + 1;
}

}  // namespace pagestore

#include "ptrace/opened_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "ptrace/descriptor_calls.h"
#include "system/old_glibc.h"

namespace pagestore {

namespace {

struct Opening {
  int folder = AT_FDCWD;
  uint64_t path = 0, flags = 0;
  uint64_t low = 0;
};

std::optional<Opening> read_opening(const SystemCall& call, const RemoteMemory& memory) {
  const auto& arguments = call.arguments;
  switch (call.number) {
#if defined(__x86_64__)
    case SYS_open:
      return Opening{AT_FDCWD, arguments[0], arguments[1]};
    case SYS_creat:
      return Opening{AT_FDCWD, arguments[0], O_WRONLY | O_TRUNC};
#endif
    case SYS_openat:
      return Opening{static_cast<int>(arguments[0]), arguments[1], arguments[2]};
    case SYS_truncate:
      return Opening{AT_FDCWD, arguments[0], O_WRONLY, arguments[1]};
    case kOpenat2: {
      uint64_t flags = 0;
      if (!memory.read(RemoteAddress(arguments[2]), &flags, sizeof(flags)).is_ok()) return std::nullopt;
      return Opening{static_cast<int>(arguments[0]), arguments[1], flags};
    }
    default:
      return std::nullopt;
  }
}

// Page by page: what lies behind its end may not be mapped.
bool read_path(const RemoteMemory& memory, uint64_t address, char* path, size_t room) {
  constexpr size_t kPart = 256;
  for (size_t done = 0; done < room;) {
    const size_t count = std::min<size_t>(kPart - (address + done) % kPart, room - done);
    if (!memory.read(RemoteAddress(address + done), path + done, count).is_ok()) return false;
    if (memchr(path + done, '\0', count) != nullptr) return true;
    done += count;
  }
  return false;
}

constexpr size_t kMostPath = 4096 + 64;

// The path by which we find what the process means by one.
void find_path(pid_t pid, int folder, const char* path, std::span<char> there) {
  constexpr struct {
    const char* start;
    const char* means;
  } kOwn[] = {{"/proc/self/", ""},    {"/proc/thread-self/", ""}, {"/dev/fd/", "fd/"},
              {"/dev/stdin", "fd/0"}, {"/dev/stdout", "fd/1"},    {"/dev/stderr", "fd/2"}};
  for (const auto& each : kOwn) {
    if (strncmp(path, each.start, strlen(each.start)) != 0) continue;
    snprintf(there.data(), there.size(), "/proc/%d/%s%s", pid, each.means, path + strlen(each.start));
    return;
  }
  if (path[0] == '/') {
    snprintf(there.data(), there.size(), "/proc/%d/root%s", pid, path);
  } else if (folder == AT_FDCWD) {
    snprintf(there.data(), there.size(), "/proc/%d/cwd/%s", pid, path);
  } else {
    snprintf(there.data(), there.size(), "/proc/%d/fd/%d/%s", pid, folder, path);
  }
}

}  // namespace

std::optional<ChangedFile> file_to_change(pid_t pid, const SystemCall& call, const RemoteMemory& memory) {
  const std::optional<Opening> opening = read_opening(call, memory);
  if (!opening) return std::nullopt;
  const bool cuts = (opening->flags & O_TRUNC) != 0;
  const bool adds = (opening->flags & O_APPEND) != 0;
  if (!cuts && (adds || (opening->flags & O_ACCMODE) == O_RDONLY)) return std::nullopt;
  char path[4096], there[kMostPath];
  if (!read_path(memory, opening->path, path, sizeof(path))) return std::nullopt;
  find_path(pid, opening->folder, path, there);
  struct stat status;
  if (read_file_status(there, &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  return ChangedFile{status.st_dev, status.st_ino, opening->low};
}

std::optional<OpenedStream> stream_to_open(pid_t pid, const SystemCall& call, const RemoteMemory& memory,
                                           bool anywhere) {
  const std::optional<Opening> opening = read_opening(call, memory);
  char path[4096], there[kMostPath];
  if (!opening || !read_path(memory, opening->path, path, sizeof(path))) return std::nullopt;
  // A relative path may lead anywhere, but begins in a folder that no descriptors are in, as a rule.
  const bool may_be = strncmp(path, "/proc/", 6) == 0 || strncmp(path, "/dev/", 5) == 0;
  if (!may_be && !anywhere) return std::nullopt;
  find_path(pid, opening->folder, path, there);
  struct stat status;
  if (read_file_status(there, &status) != 0 || S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) return std::nullopt;
  return OpenedStream{status.st_dev, status.st_ino, S_ISCHR(status.st_mode)};
}

}  // namespace pagestore

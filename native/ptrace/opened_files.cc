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

}  // namespace

std::optional<ChangedFile> file_to_change(pid_t pid, const SystemCall& call, const RemoteMemory& memory) {
  const std::optional<Opening> opening = read_opening(call, memory);
  if (!opening) return std::nullopt;
  const bool cuts = (opening->flags & O_TRUNC) != 0;
  const bool adds = (opening->flags & O_APPEND) != 0;
  if (!cuts && (adds || (opening->flags & O_ACCMODE) == O_RDONLY)) return std::nullopt;
  char path[4096], there[4096 + 64];
  if (!read_path(memory, opening->path, path, sizeof(path))) return std::nullopt;
  constexpr char kSelf[] = "/proc/self/";
  if (strncmp(path, kSelf, strlen(kSelf)) == 0) {
    snprintf(there, sizeof(there), "/proc/%d/%s", pid, path + strlen(kSelf));
  } else if (path[0] == '/') {
    snprintf(there, sizeof(there), "/proc/%d/root%s", pid, path);
  } else if (opening->folder == AT_FDCWD) {
    snprintf(there, sizeof(there), "/proc/%d/cwd/%s", pid, path);
  } else {
    snprintf(there, sizeof(there), "/proc/%d/fd/%d/%s", pid, opening->folder, path);
  }
  struct stat status;
  if (read_file_status(there, &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  return ChangedFile{status.st_dev, status.st_ino, opening->low};
}

}  // namespace pagestore

#include "ptrace/opened_files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iterator>

#include "linux/file_systems.h"
#include "linux/open_files.h"
#include "ptrace/descriptor_calls.h"
#include "ptrace/file_changes.h"
#include "system/old_glibc.h"
#include "system/scoped_fd.h"

namespace pagestore {

namespace {

constexpr size_t kMostContents = size_t{1} << 20;       // of one file
constexpr size_t kMostOfAllContents = size_t{1} << 26;  // between two snapshots

// A path that a call has as an argument, and the folder from which it starts.
struct PathArgument {
  int folder = AT_FDCWD;
  uint64_t path = 0;
};
struct OpeningCall {
  PathArgument argument;
  uint64_t flags = 0;
  uint64_t low = 0;
};

std::optional<OpeningCall> read_opening(const SystemCall& call, const RemoteMemory& memory) {
  const auto& arguments = call.arguments;
  const int folder = static_cast<int>(arguments[0]);
  switch (call.number) {
#if defined(__x86_64__)
    case SYS_open:
      return OpeningCall{{AT_FDCWD, arguments[0]}, arguments[1]};
    case SYS_creat:
      return OpeningCall{{AT_FDCWD, arguments[0]}, O_WRONLY | O_CREAT | O_TRUNC};
#endif
    case SYS_openat:
      return OpeningCall{{folder, arguments[1]}, arguments[2]};
    case SYS_truncate:
      return OpeningCall{{AT_FDCWD, arguments[0]}, O_WRONLY, arguments[1]};
    case kOpenat2: {
      uint64_t flags = 0;
      if (!memory.read(RemoteAddress(arguments[2]), &flags, sizeof(flags)).is_ok()) return std::nullopt;
      return OpeningCall{{folder, arguments[1]}, flags};
    }
    default:
      return std::nullopt;
  }
}

// Which argument of a call is the path of a name that it changes.
constexpr struct {
  int64_t number;
  size_t path;
} kNameCalls[] = {
    {SYS_unlinkat, 1}, {SYS_renameat2, 1}, {SYS_linkat, 1},   {SYS_symlinkat, 0}, {SYS_mkdirat, 1}, {SYS_mknodat, 1},
#if defined(__x86_64__)
    {SYS_unlink, 0},   {SYS_rename, 0},    {SYS_renameat, 1}, {SYS_link, 0},      {SYS_symlink, 0}, {SYS_mkdir, 0},
    {SYS_mknod, 0},    {SYS_rmdir, 0},
#endif
};

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

struct LocalPath {
  char text[kMostPath];
};

// How we name it; false where it cannot be read.
bool read_local_path(pid_t pid, const RemoteMemory& memory, const PathArgument& argument, LocalPath* local) {
  char path[4096];
  if (!read_path(memory, argument.path, path, sizeof(path))) return false;
  find_path(pid, argument.folder, path, local->text);
  return true;
}

std::string_view path_of(const char* link, std::span<char> room) {
  const ssize_t length = readlink(link, room.data(), room.size());
  return {room.data(), length < 0 ? 0 : static_cast<size_t>(length)};
}

// A file that is there, and is about to change.
void note_file(const OpeningCall& call, const LocalPath& local, int file, FileChanges* changes) {
  OpenedFiles& opened = changes->opened();
  struct stat status;
  if (read_file_status(file, &status) != 0 || !S_ISREG(status.st_mode)) return;
  char link[64], path[4096];
  snprintf(link, sizeof(link), "/proc/self/fd/%d", file);
  const std::string_view name = path_of(link, path);
  if (!keeps_bytes(link)) {
    changes->add_left(name);
    return;
  }
  const auto length = static_cast<uint64_t>(status.st_size);
  const bool cuts = (call.flags & O_TRUNC) != 0, adds = !cuts && (call.flags & O_APPEND) != 0;
  changes->add_event({status.st_dev, status.st_ino}, adds ? length : call.low);
  if (!opened.is_noting() || opened.is_seen(status.st_dev, status.st_ino)) return;
  const bool has_contents = !adds && length <= kMostContents;
  const ScopedFd contents(has_contents ? open(local.text, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK) : -1);
  opened.note({status.st_dev, status.st_ino, length, 0, 0, 0, 0, false, false}, name, contents.get());
}

}  // namespace

void OpenedFiles::clear() {
  files_.clear();
  paths_.clear();
  contents_.clear();
  is_incomplete_ = false;
}

bool OpenedFiles::is_seen(uint64_t device, uint64_t inode) const {
  return std::any_of(seen_.begin(), seen_.end(),
                     [&](const Seen& each) { return each.device == device && each.inode == inode; });
}

bool OpenedFiles::mark_seen(uint64_t device, uint64_t inode) {
  return is_seen(device, inode) || seen_.append({device, inode});
}

bool OpenedFiles::read_contents(int file, OpenedFile* noted) {
  const size_t start = contents_.size();
  if (start + noted->length > kMostOfAllContents || !contents_.resize(start + noted->length)) return false;
  size_t done = 0;
  while (done < noted->length) {
    const ssize_t got = pread(file, contents_.data() + start + done, noted->length - done, static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    done += static_cast<size_t>(got);
  }
  static_cast<void>(contents_.resize(start + done));
  noted->contents = start;
  noted->contents_length = done;
  return done == noted->length;
}

void OpenedFiles::note(const OpenedFile& file, std::string_view path, int contents) {
  OpenedFile noted = file;
  noted.path = paths_.size();
  noted.path_length = path.size();
  noted.has_contents = contents >= 0 && read_contents(contents, &noted);
  const bool is_done = paths_.append(std::span<const char>(path.data(), path.size())) && files_.append(noted) &&
                       mark_seen(file.device, file.inode);
  if (!is_done) is_incomplete_ = true;
}

bool changes_names(int64_t number) {
  return std::any_of(std::begin(kNameCalls), std::end(kNameCalls),
                     [&](const auto& each) { return each.number == number; });
}

bool note_opening(pid_t pid, const SystemCall& call, const RemoteMemory& memory, FileChanges* changes) {
  const std::optional<OpeningCall> found = read_opening(call, memory);
  if (!found) return call.number == SYS_memfd_create;
  const bool makes = (found->flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) != 0;
  const bool alters = (found->flags & O_TRUNC) != 0 || (found->flags & O_ACCMODE) != O_RDONLY;
  LocalPath local;
  if ((!makes && !alters) || !read_local_path(pid, memory, found->argument, &local)) return false;
  const ScopedFd file(open(local.text, O_PATH | O_CLOEXEC));
  if (file.is_open() && alters) note_file(*found, local, file.get(), changes);
  return makes && (!file.is_open() || (found->flags & O_TMPFILE) == O_TMPFILE);
}

void note_new_file(pid_t pid, int64_t number, FileChanges* changes) {
  char link[64], path[4096];
  struct stat status;
  snprintf(link, sizeof(link), "/proc/%d/fd/%d", pid, static_cast<int>(number));
  if (read_file_status(link, &status) != 0 || !S_ISREG(status.st_mode)) return;
  const std::string_view name = path_of(link, path);
  changes->add_event({status.st_dev, status.st_ino}, 0);
  if (name.starts_with('/') && !name.ends_with(" (deleted)")) changes->add_left(name);
  if (!changes->opened().is_noting()) return;
  changes->opened().note({status.st_dev, status.st_ino, 0, 0, 0, 0, 0, false, true}, name, -1);
}

void note_shared_mapping(pid_t pid, const SystemCall& call, FileChanges* changes) {
  constexpr uint64_t kKind = 0xf;
  const uint64_t kind = call.arguments[3] & kKind;
  if (kind == MAP_PRIVATE || (call.arguments[3] & MAP_ANONYMOUS) != 0) return;
  const auto number = static_cast<int32_t>(call.arguments[4]);
  OpenFile file;
  char link[64], path[4096];
  snprintf(link, sizeof(link), "/proc/%d/fd/%d", pid, number);
  if (!describe_file(pid, number, &file).is_ok() || file.identity.kind != FileKind::regular) return;
  if (is_writable(file.identity) && !is_memory_file(link)) changes->add_left(path_of(link, path));
}

void note_changed_name(const SystemCall& call, const RemoteMemory& memory, FileChanges* changes) {
  for (const auto& each : kNameCalls) {
    if (each.number != call.number) continue;
    char path[4096];
    if (read_path(memory, call.arguments[each.path], path, sizeof(path))) changes->add_left(path);
  }
}

std::optional<OpenedStream> stream_to_open(pid_t pid, const SystemCall& call, const RemoteMemory& memory,
                                           bool anywhere) {
  const std::optional<OpeningCall> opening = read_opening(call, memory);
  char path[4096], there[kMostPath];
  if (!opening || !read_path(memory, opening->argument.path, path, sizeof(path))) return std::nullopt;
  // A relative path may lead anywhere, but begins in a folder that no descriptors are in, as a rule.
  const bool may_be = strncmp(path, "/proc/", 6) == 0 || strncmp(path, "/dev/", 5) == 0;
  if (!may_be && !anywhere) return std::nullopt;
  find_path(pid, opening->argument.folder, path, there);
  struct stat status;
  if (read_file_status(there, &status) != 0 || S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) return std::nullopt;
  return OpenedStream{status.st_dev, status.st_ino, S_ISCHR(status.st_mode)};
}

}  // namespace pagestore

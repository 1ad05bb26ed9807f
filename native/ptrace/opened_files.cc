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

#include "linux/file_clock.h"
#include "linux/file_removal.h"
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

struct OpeningCall {
  PathArgument argument;
  uint64_t flags = 0;
  std::optional<uint64_t> cut_to = {};  // by its path
};

std::optional<OpeningCall> read_opening(const SystemCall& call, const RemoteMemory& memory) {
  const auto& arguments = call.arguments;
  const int folder = static_cast<int>(arguments[0]);
  switch (call.number) {
    // These have no path, or none that can be looked up.
    case SYS_memfd_create:
      return OpeningCall{{}, O_RDWR | O_CREAT};
    case SYS_open_by_handle_at:
      return OpeningCall{{}, arguments[2]};
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
      OpenHow how{};
      if (!memory.read(RemoteAddress(arguments[2]), &how, sizeof(how)).is_ok()) return std::nullopt;
      return OpeningCall{{folder, arguments[1], how.resolve}, how.flags};
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

// Which file loses its name by a call, if it is one.
std::optional<PathArgument> removed_name(const SystemCall& call) {
  const auto& arguments = call.arguments;
  switch (call.number) {
#if defined(__x86_64__)
    case SYS_unlink:
      return PathArgument{AT_FDCWD, arguments[0]};
    case SYS_rename:
      return PathArgument{AT_FDCWD, arguments[1]};
    case SYS_renameat:
      return PathArgument{static_cast<int>(arguments[2]), arguments[3]};
#endif
    case SYS_renameat2:
      return PathArgument{static_cast<int>(arguments[2]), arguments[3]};
    case SYS_unlinkat:
      return PathArgument{static_cast<int>(arguments[0]), arguments[1]};
    default:
      return std::nullopt;
  }
}

std::string_view path_of(const char* link, std::span<char> room) {
  const ssize_t length = readlink(link, room.data(), room.size());
  return {room.data(), length < 0 ? 0 : static_cast<size_t>(length)};
}

// Whether nobody can have made it since it was not found, as far as anybody can say who has no more than one thread.
bool was_absent(pid_t task, const FileFacts& file, const Opening& opening) {
  return opening.is_missing && file.identity.born == 0 && has_one_thread(task);
}

// Of one that was cut before anybody saw it nothing is known but that it may have had something.
void note_first(const FileFacts& facts, const char* link, std::string_view name, bool is_cut, OpenedFiles* opened) {
  const bool has_contents = !is_cut && facts.length <= kMostContents;
  const ScopedFd contents(has_contents ? open(link, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK) : -1);
  const uint64_t length = is_cut ? 1 : facts.length;
  opened->note({.identity = facts.identity, .length = length}, name, contents.get());
}

// A file that was there, and a link to it. `is_cut`: by the call, before anybody saw it.
void note_file(const OpeningCall& call, const char* link, bool is_cut, FileChanges* changes) {
  OpenedFiles& opened = changes->opened();
  struct stat status;
  if (read_file_status(link, &status) != 0 || !S_ISREG(status.st_mode)) return;
  char path[kMostPath];
  const std::string_view name = path_of(link, path);
  if (!keeps_bytes(link)) return changes->add_left(name);
  const FileId id{status.st_dev, status.st_ino};
  const auto length = static_cast<uint64_t>(status.st_size);
  const bool cuts = (call.flags & O_TRUNC) != 0;
  FileFacts facts;
  if (opened.is_noting() && read_file_facts(AT_FDCWD, link, &facts) && !opened.is_seen(facts.identity)) {
    note_first(facts, link, name, is_cut, &opened);
  }
  if (cuts || call.cut_to) return changes->add_event(id, call.cut_to.value_or(0));
  const bool is_kept = length <= kMostContents && opened.is_whole(facts.identity);
  changes->add_opening(id, is_kept ? 0 : length);
  const bool is_mapped =
      changes->mapped_files() != nullptr && changes->mapped_files()->may_have(facts.identity, name, link);
  if (opened.is_noting() && (!is_kept || is_mapped)) changes->track(id);
}

// A file that was made by the call.
void note_new_file(const char* link, FileChanges* changes) {
  FileFacts facts;
  char path[kMostPath];
  if (!read_file_facts(AT_FDCWD, link, &facts)) return;
  const std::string_view name = path_of(link, path);
  changes->add_event(id_of(facts.identity), 0);
  if (name.starts_with('/') && !name.ends_with(" (deleted)")) changes->add_left(name);
  if (!changes->opened().is_noting()) return;
  changes->opened().note({.identity = facts.identity, .is_new = true}, name, -1);
}

// By now the path may lead to a folder that was there before: another thread may have changed it.
void note_new_folder(pid_t task, const SystemCall& call, uint64_t began, const char* path, FileChanges* changes) {
  bool is_made = call.number == SYS_mkdirat;
#if defined(__x86_64__)
  is_made = is_made || call.number == SYS_mkdir;
#endif
  if (!is_made || !changes->opened().is_noting()) return;
  const int start = call.number == SYS_mkdirat ? static_cast<int>(call.arguments[0]) : AT_FDCWD;
  const ScopedFd folder = look_up(task, start, path);
  char link[64], name[kMostPath];
  FileFacts facts;
  snprintf(link, sizeof(link), "/proc/self/fd/%d", folder.get());
  if (!folder.is_open() || !read_file_facts(folder.get(), &facts) || !is_made_since(facts.identity.born, began)) return;
  const std::string_view there = path_of(link, name);
  if (there.size() < sizeof(name)) changes->opened().note_folder(facts, there);
}

}  // namespace

void OpenedFiles::note_folder(const FileFacts& folder, std::string_view path) {
  // Without memory it stays when all is over: nothing more.
  if (!folder_paths_.append(std::span<const char>(path.data(), path.size()))) return;
  static_cast<void>(folders_.append({folder, folder_paths_.size() - path.size(), path.size()}));
}

void OpenedFiles::remove_folders() {
  for (size_t i = folders_.size(); i-- > 0;) {
    const Folder& each = folders_[i];
    remove_empty_folder({folder_paths_.data() + each.path, each.path_length}, each.facts.identity, each.facts.owner);
  }
  folders_.clear();
  folder_paths_.clear();
}

void OpenedFiles::clear() {
  files_.clear();
  paths_.clear();
  contents_.clear();
  is_incomplete_ = false;
}

OpenedFiles::Seen* OpenedFiles::find_inode(const WhichFile& file) {
  const uint32_t number = index_.find(file.device, file.inode);
  if (number >= seen_.size()) return nullptr;
  Seen& seen = seen_[number];
  return seen.file.device == file.device && seen.file.inode == file.inode ? &seen : nullptr;
}

OpenedFiles::Seen* OpenedFiles::find_seen(const WhichFile& file) {
  Seen* seen = find_inode(file);
  return seen != nullptr && seen->file == file ? seen : nullptr;
}

bool OpenedFiles::mark_seen(const WhichFile& file) {
  Seen* seen = find_inode(file);
  if (seen == nullptr) return index_.put(file.device, file.inode, seen_.size()) && seen_.append({file});
  if (seen->file != file) *seen = {file};
  return true;
}

void OpenedFiles::forget(const WhichFile& file) {
  Seen* seen = find_seen(file);
  if (seen == nullptr) return;
  const Seen& last = seen_[seen_.size() - 1];
  // The index has it already, so that no memory is needed.
  static_cast<void>(index_.put(last.file.device, last.file.inode, static_cast<size_t>(seen - seen_.data())));
  *seen = last;
  static_cast<void>(seen_.resize(seen_.size() - 1));
}

bool OpenedFiles::is_whole(const WhichFile& file) const {
  const Seen* seen = find_seen(file);
  return seen != nullptr && seen->is_whole;
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
  const bool is_seen = mark_seen(file.identity);
  Seen* const seen = find_seen(file.identity);
  if (is_seen) {
    seen->is_whole = seen->is_whole || noted.has_contents || noted.is_new;
    seen->is_made = seen->is_made || noted.is_new;
    noted.is_made = seen->is_made && file.identity.is_certain();
  }
  const bool is_done =
      is_seen && paths_.append(std::span<const char>(path.data(), path.size())) && files_.append(noted);
  if (!is_done) is_incomplete_ = true;
}

bool changes_names(int64_t number) {
  return std::any_of(std::begin(kNameCalls), std::end(kNameCalls),
                     [&](const auto& each) { return each.number == number; });
}

std::optional<Opening> note_opening(pid_t task, const SystemCall& call, const RemoteMemory& memory,
                                    FileChanges* changes) {
  const std::optional<OpeningCall> found = read_opening(call, memory);
  if (!found) return std::nullopt;
  const bool is_nameless = (found->flags & O_TMPFILE) == O_TMPFILE || call.number == SYS_memfd_create;
  const bool makes = is_nameless || (found->flags & O_CREAT) != 0;
  const bool alters = (found->flags & O_TRUNC) != 0 || (found->flags & O_ACCMODE) != O_RDONLY;
  if (!makes && !alters) return std::nullopt;
  const bool makes_always = is_nameless || (makes && (found->flags & O_EXCL) != 0);
  Opening opening{found->flags, makes_always, false, now_for_files()};
  char path[kMostPath];
  if (is_nameless || !read_path(memory, found->argument.path, path)) return opening;
  const ScopedFd file = look_up(task, found->argument.folder, path, found->argument.resolve);
  opening.is_missing = !file.is_open() && errno == ENOENT;
  if (file.is_open() && alters) {
    char link[64];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", file.get());
    note_file(*found, link, false, changes);
  }
  if (found->cut_to) {
    // No descriptor will say which file it was.
    if (!file.is_open() && !opening.is_missing) changes->add_left(path);
    return std::nullopt;
  }
  if (file.is_open() && !changes->opened().is_noting()) return std::nullopt;
  return opening;
}

void note_opened(pid_t task, int64_t number, const Opening& opening, FileChanges* changes) {
  char link[64];
  struct stat status;
  FileFacts facts;
  snprintf(link, sizeof(link), "/proc/%d/fd/%d", task, static_cast<int>(number));
  if (read_file_status(link, &status) != 0 || !S_ISREG(status.st_mode)) return;
  const bool may_be_new = status.st_size == 0 && (opening.makes_always || opening.is_missing);
  if (may_be_new && !read_file_facts(AT_FDCWD, link, &facts)) return;
  const bool is_new = opening.makes_always || is_made_since(facts.identity.born, opening.began);
  if (may_be_new && is_new) return note_new_file(link, changes);
  if ((opening.flags & O_TRUNC) == 0 && (opening.flags & O_ACCMODE) == O_RDONLY) return;
  const bool is_cut = (opening.flags & O_TRUNC) != 0 && !(may_be_new && was_absent(task, facts, opening));
  note_file({{}, opening.flags}, link, is_cut, changes);
}

void note_shared_mapping(pid_t task, const SystemCall& call, FileChanges* changes) {
  constexpr uint64_t kKind = 0xf;
  const uint64_t kind = call.arguments[3] & kKind;
  if (kind == MAP_PRIVATE || (call.arguments[3] & MAP_ANONYMOUS) != 0) return;
  const auto number = static_cast<int32_t>(call.arguments[4]);
  OpenFile file;
  char link[64], path[kMostPath];
  snprintf(link, sizeof(link), "/proc/%d/fd/%d", task, number);
  const bool is_said = describe_file(task, number, &file).is_ok();
  if (is_said && (file.identity.kind != FileKind::regular || !is_writable(file.identity))) return;
  // Where nobody can say what it is, it may be such a file.
  const std::string_view name = path_of(link, path);
  if (!name.empty() && !is_memory_file(link)) changes->add_left(name);
}

void note_removal(pid_t task, const SystemCall& call, const RemoteMemory& memory, FileChanges* changes) {
  OpenedFiles& opened = changes->opened();
  const std::optional<PathArgument> argument = removed_name(call);
  char path[kMostPath], link[64], name[kMostPath];
  struct stat status;
  if (!argument || !opened.is_noting() || !read_path(memory, argument->path, path)) return;
  const ScopedFd file = look_up(task, argument->folder, path);
  if (!file.is_open() || read_file_status(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return;
  snprintf(link, sizeof(link), "/proc/self/fd/%d", file.get());
  FileFacts facts;
  if (!keeps_bytes(link) || !read_file_facts(AT_FDCWD, link, &facts) || opened.is_seen(facts.identity)) return;
  note_first(facts, link, path_of(link, name), false, &opened);
}

// A file that has got a name by the call.
void note_moved(pid_t task, const SystemCall& call, const RemoteMemory& memory, FileChanges* changes) {
  const std::optional<PathArgument> argument = removed_name(call);
#if defined(__x86_64__)
  if (call.number == SYS_unlink) return;
#endif
  char path[kMostPath], link[64], name[kMostPath];
  FileFacts facts;
  struct stat status;
  if (!argument || call.number == SYS_unlinkat || !changes->opened().is_noting() ||
      !read_path(memory, argument->path, path))
    return;
  const ScopedFd file = look_up(task, argument->folder, path);
  if (!file.is_open() || read_file_status(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return;
  snprintf(link, sizeof(link), "/proc/self/fd/%d", file.get());
  if (!keeps_bytes(link) || !read_file_facts(AT_FDCWD, link, &facts)) return;
  changes->opened().note({.identity = facts.identity, .length = facts.length, .is_moved = true}, path_of(link, name),
                         -1);
}

void note_changed_name(pid_t task, const SystemCall& call, uint64_t began, const RemoteMemory& memory,
                       FileChanges* changes) {
  for (const auto& each : kNameCalls) {
    if (each.number != call.number) continue;
    char path[kMostPath];
    if (!read_path(memory, call.arguments[each.path], path)) continue;
    changes->add_left(path);
    note_new_folder(task, call, began, path, changes);
    note_moved(task, call, memory, changes);
  }
}

std::optional<OpenedStream> stream_to_open(pid_t task, const SystemCall& call, const RemoteMemory& memory,
                                           bool anywhere) {
  const std::optional<OpeningCall> opening = read_opening(call, memory);
  char path[kMostPath];
  if (!opening || !read_path(memory, opening->argument.path, path)) return std::nullopt;
  // A relative path may lead anywhere, but begins in a folder that no descriptors are in, as a rule.
  const bool may_be = strncmp(path, "/proc/", 6) == 0 || strncmp(path, "/dev/", 5) == 0;
  if (!may_be && !anywhere) return std::nullopt;
  const ScopedFd file = look_up(task, opening->argument.folder, path);
  struct stat status;
  if (!file.is_open() || read_file_status(file.get(), &status) != 0) return std::nullopt;
  if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) return std::nullopt;
  return OpenedStream{status.st_dev, status.st_ino, S_ISCHR(status.st_mode)};
}

}  // namespace pagestore

#include "memory/tracee/known_files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>

#include "system/old_glibc.h"

namespace pagestore {

namespace {

constexpr uint64_t kNameless = uint64_t{1} << 20;

uint64_t hash(uint64_t device, uint64_t inode) {
  uint64_t mixed = (inode ^ device * 0x9e37'79b9'7f4a'7c15) * 0xbf58'476d'1ce4'e5b9;
  mixed ^= mixed >> 31;
  return mixed % kNameless;
}

bool is_it(int descriptor, const KnownFile& file) {
  struct stat status;
  return read_file_status(descriptor, &status) == 0 && status.st_dev == file.device && status.st_ino == file.inode;
}

ScopedFd open_if_it(const char* path, const KnownFile& file, int flags) {
  ScopedFd opened(::open(path, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  return opened.is_open() && is_it(opened.get(), file) ? std::move(opened) : ScopedFd();
}

}  // namespace

KnownFile* KnownFiles::find(uint64_t device, uint64_t inode) {
  KnownFile* at = std::find_if(files_.begin(), files_.end(),
                               [&](const KnownFile& each) { return each.device == device && each.inode == inode; });
  return at == files_.end() ? nullptr : at;
}

bool KnownFiles::is_excluded(uint64_t device, uint64_t inode) const {
  return std::any_of(excluded_.begin(), excluded_.end(),
                     [&](const Excluded& each) { return each.device == device && each.inode == inode; });
}

// One that was new itself was as empty; what else it was, this one never was.
Status KnownFiles::begin_anew(KnownFile& file, std::string_view path, uint64_t event) {
  if (file.first_length > 0) file.inside = event;
  file.base = 0;
  file.dirty_from = 0;
  file.is_unreachable = false;
  file.is_named = has_lasting_path(path);
  if (this->path(file) == path) return Status::ok();
  file.path = paths_.size();
  file.path_length = path.size();
  return paths_.append(std::span<const char>(path.data(), path.size())) ? Status::ok() : Status::no_memory(path.size());
}

void KnownFiles::note_events(const FileChanges& changes, uint64_t event) {
  for (KnownFile& file : files_) file.low = KnownFile::kClean;
  const bool is_all = changes.for_each_since(event, [&](const FileId& id, uint64_t low) {
    KnownFile* file = find(id.device, id.inode);
    if (file != nullptr) file->low = std::min(file->low, low);
  });
  if (is_all) return;
  for (KnownFile& file : files_) file.low = 0;
}

void KnownFiles::find_descriptors(const OpenFiles& open) {
  for (KnownFile& file : files_) file.descriptor = -1;
  for (const OpenFile& each : open.all()) {
    KnownFile* file = is_written(each) ? find(each.identity.device, each.identity.inode) : nullptr;
    if (file != nullptr) file->descriptor = each.number;
  }
}

bool KnownFiles::has_slot(uint64_t slot) const {
  return std::any_of(files_.begin(), files_.end(), [&](const KnownFile& each) {
    return each.slot == slot && (each.is_named || !each.is_unreachable);
  });
}

Status KnownFiles::add(const KnownFile& file, std::string_view path, int32_t number) {
  KnownFile added = file;
  added.slot = file.is_named ? hash(file.device, file.inode) : kNameless + static_cast<uint64_t>(number);
  while (has_slot(added.slot)) ++added.slot;
  added.path = paths_.size();
  added.path_length = path.size();
  const bool is_done = paths_.append(std::span<const char>(path.data(), path.size())) && files_.append(added);
  return is_done ? Status::ok() : Status::no_memory(sizeof(added) + path.size());
}

ScopedFd KnownFiles::find(const KnownFile& file, const Where& where, int flags) const {
  char link[64], path[4096];
  ScopedFd opened;
  for (const OpenFile& each : where.now.all()) {
    if (each.identity.device != file.device || each.identity.inode != file.inode) continue;
    if (each.identity.kind == FileKind::path) continue;
    snprintf(link, sizeof(link), "/proc/%d/fd/%d", where.task, each.number);
    if (opened = open_if_it(link, file, flags); opened.is_open()) return opened;
  }
  const std::string_view name = this->path(file);
  if (!file.is_named || name.size() >= sizeof(path)) return opened;
  path[name.copy(path, sizeof(path) - 1)] = '\0';
  return open_if_it(path, file, flags | O_NOFOLLOW);
}

ScopedFd KnownFiles::open(const KnownFile& file, const Where& where, int flags) const {
  ScopedFd found = find(file, where, flags);
  const int duplicate = found.is_open() ? -1 : where.duplicates.find_writable(file.device, file.inode);
  if (duplicate < 0) return found;
  char link[64];
  snprintf(link, sizeof(link), "/proc/self/fd/%d", duplicate);
  if (ScopedFd opened = open_if_it(link, file, flags); opened.is_open()) return opened;
  // Its mode may forbid to open it once more: where each write says where it goes, the duplicate serves as well.
  const bool serves = flags == O_WRONLY && (fcntl(duplicate, F_GETFL) & (O_APPEND | O_PATH)) == 0;
  return ScopedFd(serves ? fcntl(duplicate, F_DUPFD_CLOEXEC, 0) : -1);
}

bool is_written(const OpenFile& open) {
  return open.identity.kind == FileKind::regular && open.leader == open.number && is_writable(open.identity);
}

bool has_lasting_path(std::string_view path) {
  return path.starts_with('/') && !path.ends_with(" (deleted)");
}

}  // namespace pagestore

#include "memory/tracee/known_files.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace pagestore {

namespace {

constexpr uint64_t kNameless = uint64_t{1} << 20;

uint64_t hash(std::string_view path) {
  uint64_t mixed = 0xcbf2'9ce4'8422'2325;
  for (const char each : path) mixed = (mixed ^ static_cast<uint8_t>(each)) * 0x0000'0100'0000'01b3;
  return (mixed ^ mixed >> 32) % kNameless;
}

bool is_it(int descriptor, const KnownFile& file) {
  FileFacts facts;
  return read_file_facts(descriptor, &facts) && may_be_same(facts.identity, file.identity);
}

bool is_on(const OpenFile& open, const KnownFile& file) {
  return open.identity.device == file.identity.device && open.identity.inode == file.identity.inode &&
         open.identity.kind != FileKind::path;
}

ScopedFd open_if_it(const char* path, const KnownFile& file, int flags) {
  ScopedFd opened(::open(path, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!opened.is_open() || is_it(opened.get(), file)) return opened;
  opened = ScopedFd();
  errno = ENOENT;  // it is there no more
  return opened;
}

}  // namespace

KnownFile* KnownFiles::find(uint64_t device, uint64_t inode) {
  const uint32_t number = index_.find(device, inode);
  if (number >= files_.size()) return nullptr;
  KnownFile& file = files_[number];
  const bool is_it = file.identity.device == device && file.identity.inode == inode;
  return is_it && !file.is_replaced ? &file : nullptr;
}

bool KnownFiles::is_excluded(uint64_t device, uint64_t inode) const {
  return std::any_of(excluded_.begin(), excluded_.end(),
                     [&](const Excluded& each) { return each.device == device && each.inode == inode; });
}

KnownFile* KnownFiles::find_replaced(std::string_view path, const FileDuplicates& duplicates) {
  KnownFile* at = std::find_if(files_.begin(), files_.end(), [&](const KnownFile& each) {
    return each.is_named && each.is_unreachable && !each.is_replaced && this->path(each) == path &&
           duplicates.find_writable(each.identity.device, each.identity.inode) < 0;
  });
  return at == files_.end() ? nullptr : at;
}

// If not all of it was kept, what it was when it became known cannot be made again.
Status KnownFiles::begin_anew(KnownFile& file, const FileFacts& made, uint64_t event) {
  if (!index_.put(made.identity.device, made.identity.inode, static_cast<size_t>(&file - files_.data()))) {
    return Status::no_memory(sizeof(KnownFile));
  }
  if (file.base > 0) file.inside = event;
  file.identity = made.identity;
  file.owner = made.owner;
  file.base = 0;
  file.mark_dirty();
  file.is_unreachable = false;
  return Status::ok();
}

Status KnownFiles::set_path(KnownFile& file, std::string_view path) {
  if (this->path(file) == path) return Status::ok();
  if (!paths_.append(std::span<const char>(path.data(), path.size()))) return Status::no_memory(path.size());
  file.path = paths_.size() - path.size();
  file.path_length = path.size();
  return Status::ok();
}

void KnownFiles::note_events(const FileChanges& changes, uint64_t event) {
  for (KnownFile& file : files_) {
    file.touched.clear();
    file.is_written = false;
  }
  const bool is_all = changes.for_each_since(event, [&](const FileChanges::Event& each) {
    KnownFile* file = find(each.file.device, each.file.inode);
    if (file == nullptr) return;
    file->touched.add(each.low, each.end);
    file->is_written = file->is_written || !each.is_opening || changes.is_blind();
  });
  if (is_all) return;
  for (KnownFile& file : files_) {
    file.touched.add(0, FileRanges::kEnd);
    file.is_written = true;
  }
}

void KnownFiles::find_descriptors(const OpenFiles& open) {
  for (KnownFile& file : files_) file.descriptor = -1;
  for (const OpenFile& each : open.all()) {
    KnownFile* file = is_written(each) ? find(each.identity.device, each.identity.inode) : nullptr;
    if (file != nullptr) file->descriptor = each.number;
  }
}

size_t KnownFiles::count_open() const {
  return static_cast<size_t>(
      std::count_if(files_.begin(), files_.end(), [](const KnownFile& each) { return each.is_open; }));
}

bool KnownFiles::has_slot(uint64_t slot) const {
  return std::any_of(files_.begin(), files_.end(), [&](const KnownFile& each) {
    return each.slot == slot && !each.is_replaced && (each.is_named || !each.is_unreachable);
  });
}

Status KnownFiles::add(const KnownFile& file, std::string_view path, int32_t number) {
  KnownFile added = file;
  added.slot = file.is_named ? hash(path) : kNameless + static_cast<uint64_t>(number);
  while (has_slot(added.slot)) ++added.slot;
  added.path = paths_.size();
  added.path_length = path.size();
  const bool is_done = paths_.append(std::span<const char>(path.data(), path.size())) &&
                       index_.put(file.identity.device, file.identity.inode, files_.size()) && files_.append(added);
  return is_done ? Status::ok() : Status::no_memory(sizeof(added) + path.size());
}

ScopedFd KnownFiles::find(const KnownFile& file, const Where& where, int flags) const {
  char link[64], path[4096];
  ScopedFd opened;
  if (file.is_replaced) return opened;
  for (const OpenFile& each : where.now.all()) {
    if (!is_on(each, file)) continue;
    snprintf(link, sizeof(link), "/proc/%d/fd/%d", where.task, each.number);
    if (opened = open_if_it(link, file, flags); opened.is_open()) return opened;
  }
  const std::string_view name = this->path(file);
  if (!file.is_named || name.size() >= sizeof(path)) return opened;
  path[name.copy(path, sizeof(path) - 1)] = '\0';
  return open_if_it(path, file, flags | O_NOFOLLOW);
}

Status KnownFiles::find_facts(const KnownFile& file, std::string_view name, const Where& where, FileFacts* facts) {
  char link[64], path[4096];
  FileFacts found;
  *facts = {};
  if (file.is_replaced) return Status::ok();
  for (const OpenFile& each : where.now.all()) {
    if (!is_on(each, file)) continue;
    snprintf(link, sizeof(link), "/proc/%d/fd/%d", where.task, each.number);
    if (!read_file_facts(AT_FDCWD, link, &found) || !may_be_same(found.identity, file.identity)) continue;
    *facts = found;
    return Status::ok();
  }
  if (!file.is_named || name.size() >= sizeof(path)) return Status::ok();
  path[name.copy(path, sizeof(path) - 1)] = '\0';
  if (read_file_facts(AT_FDCWD, path, &found, AT_SYMLINK_NOFOLLOW)) {
    if (may_be_same(found.identity, file.identity)) *facts = found;
    return Status::ok();
  }
  const bool is_absent = errno == ENOENT || errno == ENOTDIR || errno == ELOOP;
  return is_absent ? Status::ok() : Status::files(-1, "cannot be looked at", errno);
}

ScopedFd KnownFiles::open(const KnownFile& file, const Where& where, int flags) const {
  ScopedFd found = find(file, where, flags);
  const int duplicate = found.is_open() || file.is_replaced
                            ? -1
                            : where.duplicates.find_writable(file.identity.device, file.identity.inode);
  if (duplicate < 0) return found;
  char link[64];
  snprintf(link, sizeof(link), "/proc/self/fd/%d", duplicate);
  if (ScopedFd opened = open_if_it(link, file, flags); opened.is_open()) return opened;
  // Its mode may forbid to open it once more: for a write that says where it goes, the duplicate serves as well.
  const bool serves = flags == O_WRONLY && (fcntl(duplicate, F_GETFL) & O_PATH) == 0 && is_it(duplicate, file);
  return ScopedFd(serves ? fcntl(duplicate, F_DUPFD_CLOEXEC, 0) : -1);
}

bool is_written(const OpenFile& open) {
  return open.identity.kind == FileKind::regular && open.leader == open.number && is_writable(open.identity);
}

bool has_lasting_path(std::string_view path) {
  return path.starts_with('/') && !path.ends_with(" (deleted)");
}

}  // namespace pagestore

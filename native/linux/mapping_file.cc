#include "linux/mapping_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <atomic>
#include <cerrno>
#include <cinttypes>
#include <cstdio>

#include "linux/file_facts.h"
#include "linux/file_systems.h"
#include "linux/mapped_file.h"
#include "linux/proc_file.h"
#include "system/old_glibc.h"

namespace pagestore {

namespace {

constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

bool is_of_memory(int file) {
  char link[64];
  snprintf(link, sizeof(link), "/proc/self/fd/%d", file);
  return is_memory_file(link);
}

bool is_zeroes(const struct stat& status) {
  constexpr unsigned kMemory = 1, kZero = 5;
  return major(status.st_rdev) == kMemory && minor(status.st_rdev) == kZero;
}

}  // namespace

int MappingFile::find(const Region& mapping) {
  if (identity_ == mapping.file) return file_.get();
  kind_ = Kind::unknown;
  file_ = ScopedFd();
  identity_ = mapping.file;
  if (mapping.file.inode == 0) return -1;
  open_mapped(mapping);
  if (kind_ == Kind::unknown) open_path(mapping);
  if (kind_ == Kind::unknown) open_descriptor(mapping);
  return file_.get();
}

// `found` is a path to the file (O_PATH).
void MappingFile::open_found(const ScopedFd& found) {
  struct stat status;
  char link[64];
  if (!found.is_open() || read_file_status(found.get(), &status) != 0) return;
  if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) {
    kind_ = S_ISCHR(status.st_mode) && is_zeroes(status) ? Kind::zeroes : Kind::device;
  }
  if (!S_ISREG(status.st_mode)) return;
  snprintf(link, sizeof(link), "/proc/self/fd/%d", found.get());
  file_ = ScopedFd(open(link, kFlags));
  if (file_.is_open()) kind_ = is_of_memory(file_.get()) ? Kind::memory : Kind::regular;
}

// What is found by a name may be another file by now.
void MappingFile::open_if_it_is(const char* path, const FileIdentity& mapped) {
  const ScopedFd there(open(path, O_PATH | O_CLOEXEC));
  if (there.is_open() && compare_mapped_file(there.get(), mapped, identities_) == MappedFile::same) open_found(there);
}

void MappingFile::open_mapped(const Region& mapping) {
  static std::atomic<bool> is_allowed = true;
  if (!is_allowed.load(std::memory_order_relaxed)) return;
  char path[100];
  snprintf(path, sizeof(path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, pid_, mapping.start, mapping.end);
  const ScopedFd there(open(path, O_PATH | O_CLOEXEC));
  if (!there.is_open() && errno == EPERM) is_allowed.store(false, std::memory_order_relaxed);
  open_found(there);
}

void MappingFile::open_path(const Region& mapping) {
  char path[4200];
  const std::string_view text = mapping.path;
  if (!text.starts_with('/') || text.ends_with(" (deleted)") || text.size() + 40 >= sizeof(path)) return;
  snprintf(path, sizeof(path), "/proc/%d/root%.*s", pid_, static_cast<int>(text.size()), text.data());
  open_if_it_is(path, mapping.file);
}

void MappingFile::list_descriptors() {
  char path[64];
  NumberDirectory directory;
  has_descriptors_ = true;
  if (!directory.open(pid_, "/proc/PID/fd").is_ok()) return;
  for (int32_t number; directory.next(&number);) {
    FileFacts facts;
    snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid_, number);
    if (!read_file_facts(AT_FDCWD, path, &facts)) continue;
    const WhichFile& file = facts.identity;
    const bool may_differ = S_ISREG(facts.mode);
    const auto mapped = may_differ ? identities_.ask(file, path) : usual_identity(file.device, file.inode);
    if (mapped && !descriptors_.append({*mapped, number})) return;
  }
}

void MappingFile::open_descriptor(const Region& mapping) {
  char path[64];
  if (!has_descriptors_) list_descriptors();
  for (const Descriptor& each : descriptors_) {
    if (!(each.mapped == mapping.file)) continue;
    snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid_, each.number);
    open_if_it_is(path, mapping.file);
    if (kind_ != Kind::unknown) return;
  }
}

}  // namespace pagestore

#include "linux/mapping_file.h"

#include <fcntl.h>

#include <atomic>
#include <cerrno>
#include <cinttypes>
#include <cstdio>

#include "linux/file_systems.h"
#include "linux/mapped_file.h"
#include "linux/proc_file.h"

namespace pagestore {

namespace {

constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

bool is_of_memory(int file) {
  char link[64];
  snprintf(link, sizeof(link), "/proc/self/fd/%d", file);
  return is_memory_file(link);
}

// What is opened by a name may be another file by now.
ScopedFd if_it_is(const char* path, const Region& mapping) {
  const ScopedFd there(open(path, O_PATH | O_CLOEXEC));
  if (!there.is_open() || compare_mapped_file(there.get(), mapping.file) != MappedFile::same) return {};
  char link[64];
  snprintf(link, sizeof(link), "/proc/self/fd/%d", there.get());
  return ScopedFd(open(link, kFlags));
}

}  // namespace

int MappingFile::find(const Region& mapping) {
  if (mapping.file.inode == 0) return -1;
  if (file_.is_open() && identity_ == mapping.file) return file_.get();
  file_ = open_mapped(mapping);
  if (!file_.is_open()) file_ = open_path(mapping);
  if (!file_.is_open()) file_ = open_descriptor(mapping);
  identity_ = mapping.file;
  is_memory_ = file_.is_open() && is_of_memory(file_.get());
  return file_.get();
}

ScopedFd MappingFile::open_mapped(const Region& mapping) {
  static std::atomic<bool> is_allowed = true;
  if (!is_allowed.load(std::memory_order_relaxed)) return {};
  char path[100];
  snprintf(path, sizeof(path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, pid_, mapping.start, mapping.end);
  ScopedFd file(open(path, kFlags));
  if (!file.is_open() && errno == EPERM) is_allowed.store(false, std::memory_order_relaxed);
  return file;
}

ScopedFd MappingFile::open_path(const Region& mapping) const {
  char path[4200];
  const std::string_view text = mapping.path;
  if (!text.starts_with('/') || text.ends_with(" (deleted)") || text.size() + 40 >= sizeof(path)) return {};
  snprintf(path, sizeof(path), "/proc/%d/root%.*s", pid_, static_cast<int>(text.size()), text.data());
  return if_it_is(path, mapping);
}

ScopedFd MappingFile::open_descriptor(const Region& mapping) const {
  char path[64];
  NumberDirectory directory;
  ScopedFd found;
  if (!directory.open(pid_, "/proc/PID/fd").is_ok()) return found;
  for (int32_t number; !found.is_open() && directory.next(&number);) {
    snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid_, number);
    found = if_it_is(path, mapping);
  }
  return found;
}

}  // namespace pagestore

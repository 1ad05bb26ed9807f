#include "memory/tracee/private_files.h"

#include <fcntl.h>
#include <sys/sysmacros.h>

#include "linux/mapped_file.h"
#include "system/scoped_fd.h"

namespace pagestore {

namespace {

constexpr size_t kMostPath = 4096;

bool is_private_file(const Region& region) {
  return region.permissions[3] == 'p' && region.file.inode != 0 && !region.path.starts_with("/dev/zero");
}

// What nobody captures and nobody may write is a file that is only read.
bool may_be_written(const Region& region) {
  return region.permissions[3] == 's' && region.file.inode != 0 && (region.permissions[1] == 'w' || region.is_captured);
}

bool share_bytes(const Region& a, const Region& b) {
  return a.file == b.file && a.offset < b.offset + (b.end - b.start) && b.offset < a.offset + (a.end - a.start);
}

// Some file systems name the file of a mapping otherwise than stat does (mapped_file.h).
bool is_at_path(const Region& region, std::string_view path) {
  char text[kMostPath];
  if (region.path != path || path.empty() || path.size() >= sizeof(text)) return false;
  text[path.copy(text, sizeof(text) - 1)] = '\0';
  const ScopedFd file(open(text, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  return file.is_open() && compare_mapped_file(file.get(), region.file) == MappedFile::same;
}

}  // namespace

Status PrivateFiles::read(std::span<const std::byte> regions, uint64_t reading) {
  if (reading == reading_) return Status::ok();
  mapped_.clear();
  RegionReader reader(regions);
  for (Region region; reader.next(&region);) {
    if (!is_private_file(region)) continue;
    if (Status status = mapped_.add(region); !status.is_ok()) return status;
  }
  find_shared(regions);
  reading_ = reading;
  return Status::ok();
}

void PrivateFiles::find_shared(std::span<const std::byte> regions) {
  RegionReader reader(regions);
  for (Region shared; reader.next(&shared);) {
    if (!may_be_written(shared)) continue;
    RegionReader mapped(mapped_.bytes());
    for (Region region; mapped.next(&region);) {
      if (share_bytes(shared, region)) set_changed(region.path);
    }
  }
}

void PrivateFiles::on_change(uint64_t device, uint64_t inode, std::string_view path) {
  const FileIdentity file{uint64_t{major(device)} << 32 | minor(device), inode};
  RegionReader mapped(mapped_.bytes());
  for (Region region; mapped.next(&region);) {
    if (region.file == file || is_at_path(region, path)) set_changed(region.path);
  }
}

void PrivateFiles::set_changed(std::string_view path) {
  if (changed_[0] == '\0') changed_[path.copy(changed_, sizeof(changed_) - 1)] = '\0';
}

}  // namespace pagestore

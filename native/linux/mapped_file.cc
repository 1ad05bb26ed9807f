#include "linux/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstdio>

#include "linux/file_facts.h"
#include "linux/mapped_identities.h"
#include "linux/process_regions.h"
#include "system/old_glibc.h"
#include "system/page_size.h"
#include "system/scoped_fd.h"

namespace pagestore {

FileIdentity usual_identity(uint64_t device, uint64_t inode) {
  return {device_of(major(device), minor(device)), inode};
}

std::optional<FileIdentity> mapped_identity(const char* path) {
  const ScopedFd opened(open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  void* const at = mmap(nullptr, page_size(), PROT_NONE, MAP_PRIVATE, opened.get(), 0);
  if (at == MAP_FAILED) return std::nullopt;
  RegionList regions;
  std::optional<FileIdentity> found;
  if (read_regions_of(getpid(), &regions).is_ok()) {
    RegionReader reader(regions.bytes());
    const auto address = reinterpret_cast<uint64_t>(at);
    for (Region region; reader.next(&region);) {
      if (address >= region.start && address < region.end) found = region.file;
    }
  }
  munmap(at, page_size());
  return found;
}

MappedFile compare_mapped_file(int file, const FileIdentity& mapped, MappedIdentities& identities) {
  struct stat status;
  FileFacts facts;
  if (read_file_status(file, &status) != 0) return MappedFile::unknown;
  if (S_ISDIR(status.st_mode)) return MappedFile::another;
  if (usual_identity(status.st_dev, status.st_ino) == mapped) return MappedFile::same;
  if (!S_ISREG(status.st_mode) || !read_file_facts(file, &facts)) return MappedFile::unknown;
  char link[64];
  snprintf(link, sizeof(link), "/proc/self/fd/%d", file);
  const std::optional<FileIdentity> found = identities.ask(facts.identity, link);
  if (!found) return MappedFile::unknown;
  return *found == mapped ? MappedFile::same : MappedFile::another;
}

}  // namespace pagestore

#include "linux/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstdio>

#include "linux/process_regions.h"
#include "system/old_glibc.h"
#include "system/page_size.h"
#include "system/scoped_fd.h"

namespace pagestore {

MappedFile compare_mapped_file(int file, const FileIdentity& mapped) {
  struct stat status;
  if (read_file_status(file, &status) != 0) return MappedFile::unknown;
  if (S_ISDIR(status.st_mode)) return MappedFile::another;
  const uint64_t device = uint64_t{major(status.st_dev)} << 32 | minor(status.st_dev);
  if (device == mapped.device && status.st_ino == mapped.inode) return MappedFile::same;
  if (!S_ISREG(status.st_mode)) return MappedFile::unknown;
  char link[64];
  snprintf(link, sizeof(link), "/proc/self/fd/%d", file);
  const ScopedFd opened(open(link, O_RDONLY | O_CLOEXEC));
  void* const at = mmap(nullptr, page_size(), PROT_NONE, MAP_PRIVATE, opened.get(), 0);
  if (at == MAP_FAILED) return MappedFile::unknown;
  RegionList regions;
  MappedFile found = MappedFile::unknown;
  if (read_regions_of(getpid(), &regions).is_ok()) {
    RegionReader reader(regions.bytes());
    for (Region region; reader.next(&region);) {
      const auto address = reinterpret_cast<uint64_t>(at);
      if (address < region.start || address >= region.end) continue;
      found = region.file == mapped ? MappedFile::same : MappedFile::another;
    }
  }
  munmap(at, page_size());
  return found;
}

}  // namespace pagestore

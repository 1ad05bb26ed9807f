// Which file a mapping is of.
#include "linux/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "linux/file_facts.h"
#include "linux/mapped_identities.h"
#include "linux/process_regions.h"
#include "support.h"
#include "system/page_size.h"
#include "system/scoped_fd.h"

namespace pagestore::test {
namespace {

FileIdentity identity_at(const void* address) {
  RegionList list;
  EXPECT_TRUE(ok(read_regions_of(getpid(), &list)));
  RegionReader reader(list.bytes());
  const auto at = reinterpret_cast<uint64_t>(address);
  for (Region region; reader.next(&region);) {
    if (at >= region.start && at < region.end) return region.file;
  }
  return {};
}

TEST(MappedFile, IsTheOneThatItIsOf) {
  const ScopedFd file(open("/proc/self/exe", O_RDONLY)), path(open("/proc/self/exe", O_PATH)),
      other(open("/proc/self/maps", O_RDONLY)), folder(open("/", O_RDONLY));
  void* const at = mmap(nullptr, page_size(), PROT_READ, MAP_PRIVATE, file.get(), 0);
  ASSERT_NE(at, MAP_FAILED);
  MappedIdentities identities;
  const FileIdentity mapped = identity_at(at);
  EXPECT_EQ(compare_mapped_file(file.get(), mapped, identities), MappedFile::same);
  EXPECT_EQ(compare_mapped_file(path.get(), mapped, identities), MappedFile::same);
  EXPECT_NE(compare_mapped_file(other.get(), mapped, identities), MappedFile::same);
  EXPECT_EQ(compare_mapped_file(folder.get(), mapped, identities), MappedFile::another);
  munmap(at, page_size());
}

// To ask takes longer than all else that a capture does.
TEST(MappedFile, IsAskedAboutOnce) {
  const ScopedFd file(open("/proc/self/exe", O_RDONLY));
  FileFacts facts;
  ASSERT_TRUE(read_file_facts(file.get(), &facts));
  MappedIdentities identities;
  EXPECT_FALSE(identities.find(facts.identity));
  EXPECT_EQ(compare_mapped_file(file.get(), {1, 2}, identities), MappedFile::another);
  ASSERT_TRUE(identities.find(facts.identity));
  EXPECT_EQ(*identities.find(facts.identity), *mapped_identity("/proc/self/exe"));
}

}  // namespace
}  // namespace pagestore::test

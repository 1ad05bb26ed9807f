// Which mappings of this very process are of files that are memory.
#include "linux/memory_files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>

#include "linux/process_regions.h"
#include "support.h"

namespace pagestore::test {
namespace {

constexpr size_t kBytes = 4096;

// What is said of a mapping of ours.
bool is_memory(const void* address) {
  RegionList regions;
  MemoryFiles files;
  EXPECT_TRUE(ok(read_regions_of(getpid(), &regions)));
  EXPECT_TRUE(ok(MemoryFiles::find(getpid(), regions, &files)));
  RegionReader reader(regions.bytes());
  Region region;
  while (reader.next(&region)) {
    const auto at = reinterpret_cast<uint64_t>(address);
    if (region.start <= at && at < region.end) return files.contains(region);
  }
  ADD_FAILURE() << "nothing is mapped there";
  return false;
}

bool is_memory_file(int file) {
  EXPECT_GE(file, 0);
  EXPECT_EQ(ftruncate(file, kBytes), 0);
  void* const mapped = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  EXPECT_NE(mapped, MAP_FAILED);
  const bool answer = is_memory(mapped);
  munmap(mapped, kBytes);
  close(file);
  return answer;
}

int temporary_file(std::string folder) {
  folder += "/pagestore-XXXXXX";
  const int file = mkstemp(folder.data());
  unlink(folder.c_str());
  return file;
}

TEST(MemoryFiles, AreWhatTheKernelMakesWithoutAFileOnADisk) {
  EXPECT_TRUE(is_memory_file(memfd_create("x", 0)));
  void* const unnamed = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(unnamed, MAP_FAILED);
  EXPECT_TRUE(is_memory(unnamed));
  munmap(unnamed, kBytes);
  const int id = shmget(IPC_PRIVATE, kBytes, 0600);
  void* const attached = shmat(id, nullptr, 0);
  shmctl(id, IPC_RMID, nullptr);
  ASSERT_NE(attached, reinterpret_cast<void*>(-1));
  EXPECT_TRUE(is_memory(attached));
  shmdt(attached);
}

TEST(MemoryFiles, AreThoseOfATmpfsWhateverTheyAreCalled) {
  if (access("/dev/shm", W_OK) == 0) {
    EXPECT_TRUE(is_memory_file(temporary_file("/dev/shm")));
  }
  // The test's own program lies on a disk, or so the builder says.
  const int here = temporary_file(".");
  const bool is_on_disk = !is_memory_file(here);
  if (is_on_disk) {
    const int named = open("./memfd:x", O_RDWR | O_CREAT, 0600);
    unlink("./memfd:x");
    EXPECT_FALSE(is_memory_file(named));
  }
}

}  // namespace
}  // namespace pagestore::test

// What the kernel says of a process's regions, and which of them are its own.
#include "linux/process_regions.h"

#include <cstdio>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "support.h"

namespace pagestore::test {
namespace {

class Parsed {
 public:
  explicit Parsed(const std::string& text) {
    EXPECT_TRUE(ok(parse_regions(text, &list_)));
    RegionReader reader(list_.bytes());
    Region region;
    while (reader.next(&region)) regions.push_back(region);
  }
  std::vector<Region> regions;

 private:
  RegionList list_;
};

std::string path_of(const std::string& written) {
  const std::string head = "7f0000000000-7f0000001000 r--p 00000000 fe:00 42                             ";
  const Parsed parsed(head + written + "\n");
  EXPECT_EQ(parsed.regions.size(), 1u);
  return std::string(parsed.regions[0].path);
}

TEST(Regions, AreReadWithAddressesPermissionsOffsetAndPath) {
  const Parsed parsed(
      "00400000-00b6f000 r-xp 0076f000 fe:00 260689                             /usr/bin/node\n"
      "1c9aef380000-1c9aef3c0000 rw-p 00000000 00:00 0 \n"
      "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n");
  ASSERT_EQ(parsed.regions.size(), 3u);
  const Region& first = parsed.regions[0];
  EXPECT_EQ(first.start, 0x400000u);
  EXPECT_EQ(first.end, 0xb6f000u);
  EXPECT_EQ(first.offset, 0x76f000u);
  EXPECT_EQ(std::string_view(first.permissions, 4), "r-xp");
  EXPECT_EQ(first.path, "/usr/bin/node");
  EXPECT_EQ(parsed.regions[1].path, "");
  EXPECT_EQ(parsed.regions[2].start, 0xffffffffff600000u);
  EXPECT_EQ(parsed.regions[2].path, "[vsyscall]");
}

TEST(Regions, KeepAPathWhateverIsInIt) {
  for (const char* path : {"/tmp/a  b c", "/tmp/a ", "/tmp/lib.so (deleted)", "/tmp/a\rb",
                           "/tmp/00400000-00b6f000 r-xp 00000000 fe:00 1"}) {
    EXPECT_EQ(path_of(path), path);
  }
  const std::string long_path = "/" + std::string(4000, 'x');
  EXPECT_EQ(path_of(long_path), long_path);
  EXPECT_EQ(path_of("/tmp/a\\012b\\012"), "/tmp/a\nb\n");
}

TEST(Regions, AreNoneWhereThereIsNothing) {
  EXPECT_TRUE(Parsed("").regions.empty());
  EXPECT_TRUE(Parsed("nonsense\n").regions.empty());
}

// What looks like a mapping is one, with what is written there; all else is left out.
TEST(Regions, OfRandomTextAreWhatIsWritten) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto number = [&] { return random() >> random() % 64; };
  const char* const junk[] = {"",
                              "\r",
                              "-",
                              "Size: 4 kB",
                              "VmFlags: rd gd um",
                              "7f-8f rw-p",
                              "zz-00 rw-p 0 0:0 1 /a",
                              " ",
                              "1-2 rwxp 0 0:0",
                              "ffffffffffffffffffffff-0"};
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    std::vector<std::string> expected;
    for (uint64_t lines = random() % 8; lines > 0; --lines) {
      if (random() % 4 == 0) {
        text += junk[random() % std::size(junk)] + std::string("\n");
        continue;
      }
      const uint64_t start = number(), end = number(), offset = number(), inode = number();
      char head[160];
      snprintf(head, sizeof(head), "%lx-%lx rw-%c %lx %02lx:%02lx %lu ", start, end, random() % 2 ? 's' : 'p', offset,
               random() % 4096, random() % (1 << 20), inode);
      std::string path =
          random() % 3 == 0 ? "" : "/" + std::string(random() % (random() % 16 == 0 ? 100'000 : 40), 'x');
      for (char& each : path) each = random() % 8 == 0 && each != '/' ? "\r\\ \x80:-0"[random() % 7] : each;
      text += head + std::string(random() % 20, ' ') + path + "\n";
      char region[160];
      snprintf(region, sizeof(region), "%lx-%lx %lx %lu ", start, end, offset, inode);
      expected.push_back(region + path);
    }
    std::vector<std::string> found;
    for (const Region& each : Parsed(text).regions) {
      char region[160];
      snprintf(region, sizeof(region), "%lx-%lx %lx %lu ", each.start, each.end, each.offset, each.file.inode);
      found.push_back(region + std::string(each.path));
    }
    ASSERT_EQ(found, expected) << text;
    // And cut anywhere, it harms nothing.
    static_cast<void>(Parsed(text.substr(0, random() % (text.size() + 1))));
  }
}

TEST(Regions, OfOurselvesHoldOurOwnCodeAndStack) {
  RegionList list;
  ASSERT_TRUE(ok(read_regions_of(getpid(), &list)));
  RegionReader reader(list.bytes());
  Region region;
  const auto here = reinterpret_cast<uint64_t>(&region);
  const auto code = reinterpret_cast<uint64_t>(&read_regions_of);
  bool has_stack = false, has_code = false;
  uint64_t last = 0;
  while (reader.next(&region)) {
    EXPECT_GE(region.start, last);
    last = region.end;
    has_stack = has_stack || (region.start <= here && here < region.end);
    has_code = has_code || (region.start <= code && code < region.end && region.permissions[2] == 'x');
  }
  EXPECT_TRUE(has_code);
  EXPECT_TRUE(has_stack || kSanitized);
}

TEST(Regions, OfAProcessThatIsGoneAreRefused) {
  RegionList list;
  EXPECT_TRUE(refused(read_regions_of(1 << 22 | 1, &list), Error::process_gone));
}

bool is_private(const char* permissions, const char* path) {
  Region region{0, 0x1000, 0, {}, path};
  memcpy(region.permissions, permissions, sizeof(region.permissions));
  return is_private_memory(region);
}

TEST(PrivateMemory, IsAReadablePrivateMapping) {
  for (const char* path :
       {"", "[heap]", "[stack]", "[anon:arena]", "/usr/lib/libc.so.6", "/tmp/x (deleted)", "/dev/shm/x", "/dev/zero"}) {
    EXPECT_TRUE(is_private("r--p", path)) << path;
    EXPECT_TRUE(is_private("rwxp", path)) << path;
  }
}

TEST(PrivateMemory, IsNothingSharedAndNothingUnreadable) {
  EXPECT_FALSE(is_private("rw-s", "/tmp/x"));
  EXPECT_FALSE(is_private("---p", ""));
  EXPECT_FALSE(is_private("-w-p", ""));
}

TEST(PrivateMemory, IsNotWhatTheKernelOrADeviceLends) {
  for (const char* path :
       {"[vvar]", "[vvar_vclock]", "[vdso]", "[vsyscall]", "/dev/dri/card0", "/dev/mem", "anon_inode:[io_uring]"}) {
    EXPECT_FALSE(is_private("r--p", path)) << path;
  }
}

TEST(Regions, OfMemoryThatOthersMayHaveAreNotAnonymousWhateverTheyAreCalled) {
  const auto region = [](const char* permissions, const char* path) {
    Region made{};
    memcpy(made.permissions, permissions, sizeof(made.permissions));
    made.path = path;
    return made;
  };
  EXPECT_TRUE(is_anonymous(region("rw-p", "")));
  EXPECT_TRUE(is_anonymous(region("rw-p", "[anon:name]")));
  EXPECT_FALSE(is_anonymous(region("rw-s", "[anon_shmem:name]")));
  EXPECT_FALSE(is_anonymous(region("rw-p", "/dev/zero")));
  EXPECT_TRUE(is_zero_filled(region("rw-p", "[heap]")));
  EXPECT_TRUE(is_zero_filled(region("rw-p", "/dev/zero")));
  EXPECT_FALSE(is_zero_filled(region("rw-s", "/dev/zero (deleted)")));
  EXPECT_FALSE(is_zero_filled(region("rw-s", "[anon_shmem:name]")));
}

}  // namespace
}  // namespace pagestore::test

// Lists of regions, as their bytes.
#include "system/region.h"

#include <string>

#include "support.h"

namespace pagestore::test {
namespace {

// A file that lies deep enough has a path of any length in /proc/PID/maps.
TEST(RegionLists, KeepPathsOfAnyLength) {
  RegionList list;
  for (const size_t length : {0, 1, 7, 8, 4096, 65535, 65536, 200000}) {
    const std::string path(length, 'p');
    ASSERT_TRUE(ok(list.add({length, length + 1, 0, {'r', '-', '-', 'p'}, path, length % 2 == 0})));
  }
  RegionReader reader(list.bytes());
  Region region;
  for (const size_t length : {0, 1, 7, 8, 4096, 65535, 65536, 200000}) {
    ASSERT_TRUE(reader.next(&region));
    EXPECT_EQ(region.start, length);
    EXPECT_EQ(region.path, std::string(length, 'p'));
    EXPECT_EQ(region.is_captured, length % 2 == 0);
  }
  EXPECT_FALSE(reader.next(&region));
}

}  // namespace
}  // namespace pagestore::test

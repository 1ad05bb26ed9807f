#include "ptrace/file_changes.h"

#include "ptrace/monitored_calls.h"
#include "support.h"

#include <sys/syscall.h>
#include <unistd.h>

namespace pagestore::test {

namespace {

constexpr FileId kFile{1, 2}, kOther{1, 3};

GrowingArray<KnownDescriptor> known(std::initializer_list<KnownDescriptor> all) {
  GrowingArray<KnownDescriptor> made;
  EXPECT_TRUE(made.append(std::span(all.begin(), all.size())));
  return made;
}

TEST(FileChanges, SayTheLowestByteThatChangedSinceAnEvent) {
  FileChanges changes;
  const uint64_t first = changes.last_event();
  EXPECT_EQ(changes.lowest_since(first, kFile), UINT64_MAX);
  changes.add_event(kFile, 100);
  const uint64_t second = changes.last_event();
  changes.add_event(kFile, 200);
  EXPECT_EQ(changes.lowest_since(first, kFile), 100u);
  EXPECT_EQ(changes.lowest_since(second, kFile), 200u);
  EXPECT_EQ(changes.lowest_since(changes.last_event(), kFile), UINT64_MAX);
  EXPECT_EQ(changes.lowest_since(first, kOther), UINT64_MAX);
  // What changed no lower byte before says nothing more.
  changes.add_event(kFile, 50);
  EXPECT_EQ(changes.lowest_since(first, kFile), 50u);
  EXPECT_EQ(changes.lowest_since(second, kFile), 50u);
}

TEST(FileChanges, AfterASeekWritesAreSeen) {
  FileChanges changes;
  changes.set_known(known({{3, Monitoring::positions, FileKind::regular, true, kFile},
                           {4, Monitoring::stream, FileKind::pipe, true, kOther}}));
  EXPECT_FALSE(is_seen(changes.monitoring_of(3), use_of(SYS_write)));
  changes.on_seek();
  EXPECT_TRUE(changes.needs_all_calls());
  EXPECT_TRUE(is_seen(changes.monitoring_of(3), use_of(SYS_write)));
  EXPECT_EQ(changes.monitoring_of(4), Monitoring::stream);
  EXPECT_EQ(changes.monitoring_of(5), Monitoring::none);
}

TEST(MonitoredCalls, OnlyASeekToSomewhereInsideCounts) {
  const auto seek = [](uint64_t offset, uint64_t from) { return lowest_byte({SYS_lseek, {3, offset, from}}); };
  EXPECT_EQ(seek(7, SEEK_SET), std::optional<uint64_t>(7));
  EXPECT_EQ(seek(0, SEEK_CUR), std::nullopt);
  EXPECT_EQ(seek(0, SEEK_END), std::nullopt);
  EXPECT_TRUE(seek(static_cast<uint64_t>(-1), SEEK_END).has_value());
}

}  // namespace

}  // namespace pagestore::test

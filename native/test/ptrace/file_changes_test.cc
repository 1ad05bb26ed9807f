#include "ptrace/file_changes.h"

#include "ptrace/monitored_calls.h"
#include "support.h"

#include <linux/falloc.h>
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
  changes.set_known({});
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

TEST(FileChanges, TellWhichBytesChanged) {
  FileChanges changes;
  const auto since = [&](uint64_t event) {
    std::string text;
    EXPECT_TRUE(changes.for_each_since(event, [&](const FileChanges::Event& each) {
      text += std::to_string(each.file.inode) + ":" + std::to_string(each.low) + "-" + std::to_string(each.end) + " ";
    }));
    return text;
  };
  const uint64_t first = changes.last_event();
  changes.add_event(kFile, 100, 200);
  changes.add_event(kOther, 5, 6);
  changes.add_event(kFile, 110, 120);
  changes.add_event(kFile, 0, 1);
  EXPECT_EQ(since(first), "2:100-200 3:5-6 2:0-1 ");
  changes.set_known({});
  const uint64_t second = changes.last_event();
  changes.add_event(kFile, 110, 120);
  EXPECT_EQ(since(second), "2:110-120 ");
  EXPECT_EQ(changes.lowest_since(first, kFile), 0u);
  changes.add_event(kFile, 50);
  EXPECT_EQ(since(second), "2:50-18446744073709551615 ");
}

TEST(FileChanges, AreFewHoweverManyThereWere) {
  FileChanges changes;
  for (uint64_t i = 0; i < 5000; ++i) {
    changes.add_event(kFile, 10 * i, 10 * i + 1);
    changes.set_known({});
  }
  size_t count = 0;
  EXPECT_TRUE(changes.for_each_since(0, [&](const FileChanges::Event&) { ++count; }));
  EXPECT_LE(count, 1000u);
  // No event is lost: what is not told exactly is told as more than there was.
  EXPECT_EQ(changes.lowest_since(0, kFile), 0u);
  EXPECT_EQ(changes.lowest_since(changes.last_event() - 1, kFile), 49'990u);
}

TEST(FileChanges, AnOpeningHidesNoWrite) {
  FileChanges changes;
  const auto count_writes = [&](uint64_t event) {
    size_t count = 0;
    changes.for_each_since(event, [&](const FileChanges::Event& each) { count += each.is_opening ? 0 : 1; });
    return count;
  };
  changes.add_opening(kFile, 0);
  EXPECT_EQ(count_writes(0), 0u);
  EXPECT_EQ(changes.lowest_since(0, kFile), 0u);
  changes.add_event(kFile, 5, 6);
  changes.add_opening(kFile, 0);
  changes.add_opening(kOther, 0);
  EXPECT_EQ(count_writes(0), 1u);
  // A write of everything says more than that it was opened.
  changes.add_event(kFile, 0);
  changes.add_opening(kFile, 3);
  EXPECT_EQ(count_writes(0), 1u);
  EXPECT_EQ(changes.lowest_since(0, kFile), 0u);
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
  EXPECT_EQ(seek(7, SEEK_DATA), std::optional<uint64_t>(7));
  EXPECT_EQ(seek(0, SEEK_HOLE), std::optional<uint64_t>(0));
}

TEST(MonitoredCalls, RoomThatIsAllocatedChangesNothing) {
  EXPECT_EQ(lowest_byte({SYS_fallocate, {3, 0, 5, 10}}), std::nullopt);
  EXPECT_EQ(lowest_byte({SYS_fallocate, {3, FALLOC_FL_KEEP_SIZE, 5, 10}}), std::nullopt);
  EXPECT_EQ(lowest_byte({SYS_fallocate, {3, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 5, 10}}),
            std::optional<uint64_t>(5));
}

TEST(MonitoredCalls, AWriteAtAnOffsetGoesToTheEndInAppendMode) {
  constexpr uint64_t kCurrent = UINT64_MAX, kAppend = 0x10, kNoAppend = 0x20;
  const auto write = [](uint64_t offset, uint64_t flags) {
    return target_of_write({SYS_pwritev2, {3, 0, 1, offset, 0, flags}});
  };
  EXPECT_EQ(target_of_write({SYS_pwrite64, {3, 0, 1, 5}}), WriteTarget::at_end_if_appending);
  EXPECT_EQ(target_of_write({SYS_ftruncate, {3, 5}}), WriteTarget::as_said);
  EXPECT_EQ(write(5, 0), WriteTarget::at_end_if_appending);
  EXPECT_EQ(write(5, kNoAppend), WriteTarget::as_said);
  EXPECT_EQ(write(5, kAppend), WriteTarget::at_end);
  EXPECT_EQ(write(kCurrent, 0), WriteTarget::at_offset);
}

}  // namespace

}  // namespace pagestore::test

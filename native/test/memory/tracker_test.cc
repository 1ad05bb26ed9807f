// Every tracker that this kernel has misses no write to memory of our own.
#include "memory/tracker.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <random>
#include <set>

#include "support.h"

namespace pagestore::test {
namespace {

const char* name_of(TrackerKind kind) {
  return kind == TrackerKind::write_protect ? "write_protect" : kind == TrackerKind::soft_dirty ? "soft_dirty" : "none";
}

class Trackers : public testing::TestWithParam<TrackerKind> {
 protected:
  void SetUp() override {
    if (!Tracker::is_supported(GetParam())) GTEST_SKIP() << "this kernel has no " << name_of(GetParam());
    ASSERT_TRUE(ok(Tracker::make(GetParam(), &tracker_)));
  }

  std::set<size_t> dirty(const Mapping& memory, Protect protect) {
    GrowingArray<AddressRange> runs;
    EXPECT_TRUE(ok(tracker_->scan(protect, &runs)));
    std::set<size_t> pages;
    const auto base = reinterpret_cast<uint64_t>(memory.data());
    for (const AddressRange& run : runs) {
      for (uint64_t at = run.start; at < run.end; at += page_size()) pages.insert((at - base) / page_size());
    }
    return pages;
  }

  AddressRange range_of(const Mapping& memory) const {
    const auto start = reinterpret_cast<uint64_t>(memory.data());
    return {start, start + memory.bytes()};
  }

  std::unique_ptr<Tracker> tracker_;
};
INSTANTIATE_TEST_SUITE_P(, Trackers,
                         testing::Values(TrackerKind::write_protect, TrackerKind::soft_dirty, TrackerKind::none),
                         [](const auto& info) { return name_of(info.param); });

TEST_P(Trackers, FindEveryPageThatWasWrittenSinceItWasProtected) {
  constexpr size_t kPages = 2000;
  Mapping memory = Mapping::anonymous(kPages * page_size());
  memset(memory.data(), 1, memory.bytes());
  ASSERT_TRUE(ok(tracker_->register_range(range_of(memory))));
  EXPECT_EQ(dirty(memory, Protect::dirty).size(), kPages);
  std::mt19937_64 random(5);
  for (int round = 0; round < 30; ++round) {
    std::set<size_t> written;
    for (uint64_t count = random() % 50; count > 0; --count) written.insert(random() % kPages);
    for (const size_t page : written) memory.data()[page * page_size() + random() % page_size()] = std::byte{2};
    const auto found = dirty(memory, Protect::dirty);
    ASSERT_TRUE(std::includes(found.begin(), found.end(), written.begin(), written.end()));
    if (GetParam() == TrackerKind::write_protect) {
      ASSERT_EQ(found, written);
    }
  }
}

TEST_P(Trackers, FindWhatTheKernelWroteForASystemCall) {
  Mapping memory = Mapping::anonymous(64 * page_size());
  memset(memory.data(), 1, memory.bytes());
  ASSERT_TRUE(ok(tracker_->register_range(range_of(memory))));
  dirty(memory, Protect::dirty);
  const int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  ASSERT_EQ(read(file, memory.data() + 10 * page_size(), 2 * page_size()), static_cast<ssize_t>(2 * page_size()));
  close(file);
  const auto found = dirty(memory, Protect::dirty);
  EXPECT_TRUE(found.contains(10) && found.contains(11));
}

TEST_P(Trackers, FindAPageThatWasDropped) {
  Mapping memory = Mapping::anonymous(64 * page_size());
  memset(memory.data(), 1, memory.bytes());
  ASSERT_TRUE(ok(tracker_->register_range(range_of(memory))));
  dirty(memory, Protect::dirty);
  ASSERT_EQ(madvise(memory.data() + 20 * page_size(), page_size(), MADV_DONTNEED), 0);
  EXPECT_TRUE(dirty(memory, Protect::dirty).contains(20));
}

TEST_P(Trackers, FindAPageThatWasDroppedAndThenOnlyRead) {
  if (GetParam() == TrackerKind::soft_dirty) GTEST_SKIP() << "soft-dirty misses it";
  Mapping memory = Mapping::anonymous(64 * page_size());
  memset(memory.data(), 1, memory.bytes());
  ASSERT_TRUE(ok(tracker_->register_range(range_of(memory))));
  dirty(memory, Protect::dirty);
  std::byte* page = memory.data() + 20 * page_size();
  ASSERT_EQ(madvise(page, page_size(), MADV_DONTNEED), 0);
  EXPECT_EQ(*reinterpret_cast<volatile char*>(page), 0);
  EXPECT_TRUE(dirty(memory, Protect::dirty).contains(20));
}

TEST_P(Trackers, KeepPagesProtectedWhenTheRangeGrows) {
  Mapping memory = Mapping::anonymous(128 * page_size());
  memset(memory.data(), 1, memory.bytes());
  const AddressRange all = range_of(memory);
  ASSERT_TRUE(ok(tracker_->register_range({all.start, all.start + 64 * page_size()})));
  dirty(memory, Protect::dirty);
  ASSERT_TRUE(ok(tracker_->register_range(all)));
  memory.data()[3 * page_size()] = std::byte{2};
  const auto found = dirty(memory, Protect::dirty);
  EXPECT_TRUE(found.contains(3) && found.contains(64) && found.contains(127));
  if (GetParam() == TrackerKind::write_protect) {
    EXPECT_FALSE(found.contains(4));
  }
}

TEST(WriteProtect, ASecondTrackerOverTheSameRangeIsRefused) {
  if (!Tracker::is_supported(TrackerKind::write_protect)) GTEST_SKIP() << "this kernel has no write_protect";
  Mapping memory = Mapping::anonymous(64 * page_size());
  const auto start = reinterpret_cast<uint64_t>(memory.data());
  std::unique_ptr<Tracker> one, other;
  ASSERT_TRUE(ok(Tracker::make(TrackerKind::write_protect, &one)));
  ASSERT_TRUE(ok(Tracker::make(TrackerKind::write_protect, &other)));
  ASSERT_TRUE(ok(one->register_range({start, start + memory.bytes()})));
  EXPECT_TRUE(refused(other->register_range({start, start + memory.bytes()}), Error::tracker));
  one.reset();
  EXPECT_TRUE(ok(other->register_range({start, start + memory.bytes()})));
}

}  // namespace
}  // namespace pagestore::test

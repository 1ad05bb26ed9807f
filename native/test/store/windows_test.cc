// Windows: how others see the pages, and why they cannot harm them.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

#include "stores.h"

namespace pagestore::test {
namespace {

class Windows : public OnEachMemory {
 protected:
  // A memory whose page `i` is content `i`.
  void fill(PageMemory& memory, size_t mebibytes, size_t from = 0) {
    ASSERT_TRUE(ok(memory.grow(pages_in(mebibytes))));
    for (size_t i = from; i < memory.capacity(); ++i) fill_page(memory.page(page_number(i)), i);
  }
};
ON_EACH_MEMORY(Windows);

std::byte* page_in(const WindowView& window, size_t page) {
  return window.data() + page * page_size();
}

TEST_P(Windows, ShowWhatIsStored) {
  PageMemory memory(file());
  fill(memory, 4);
  WindowView window;
  ASSERT_TRUE(ok(memory.open_window(0, &window)));
  for (size_t i = 0; i < memory.capacity(); ++i) ASSERT_TRUE(page_is(page_in(window, i), i));
}

TEST_P(Windows, AreOf64Mebibytes) {
  EXPECT_EQ(PageMemory::window_pages() * page_size(), size_t{64} << 20);
}

TEST_P(Windows, MapOnlyAsFarAsTheFileReaches) {
  PageMemory memory(file());
  ASSERT_TRUE(ok(memory.grow(pages_in(66))));
  fill_page(memory.page(page_number(pages_in(66) - 1)), 1);
  WindowView first, second;
  ASSERT_TRUE(ok(memory.open_window(0, &first)));
  ASSERT_TRUE(ok(memory.open_window(1, &second)));
  EXPECT_EQ(first.bytes(), size_t{64} << 20);
  EXPECT_EQ(second.bytes(), size_t{2} << 20);
  EXPECT_TRUE(page_is(page_in(second, pages_in(2) - 1), 1));  // to the very end without SIGBUS
}

TEST_P(Windows, OpenedAfterGrowthAreLonger) {
  PageMemory memory(file());
  fill(memory, 2);
  WindowView before;
  ASSERT_TRUE(ok(memory.open_window(0, &before)));
  fill(memory, 8, pages_in(2));
  WindowView after;
  ASSERT_TRUE(ok(memory.open_window(0, &after)));
  EXPECT_EQ(before.bytes(), size_t{2} << 20);
  EXPECT_EQ(after.bytes(), size_t{8} << 20);
  for (size_t i = 0; i < memory.capacity(); ++i) ASSERT_TRUE(page_is(page_in(after, i), i));
}

TEST_P(Windows, BeyondTheCapacityAreRefused) {
  OpenStore store(file(), {.capacity = pages_in(64)});
  WindowView window;
  for (const size_t index : {size_t{1}, size_t{2}, size_t{1} << 40}) {
    const Status status = store.open_window(index, &window);
    EXPECT_TRUE(refused(status, Error::page_number)) << index;
    EXPECT_EQ(status.limit(), store.capacity());
  }
  EXPECT_TRUE(ok(store.open_window(0, &window)));
}

TEST_P(Windows, StayWhereTheyAreWhenTheBaseMovesAndStillReadRight) {
  OpenStore store(file());
  const auto numbers = store.keep(contents_from(0, pages_in(2)));
  WindowView window;
  ASSERT_TRUE(ok(store.open_window(0, &window)));
  for (const PageNumber n : numbers) ASSERT_TRUE(ok(store.hand_out(index_of(n))));
  const std::byte* base = store.base();
  const std::byte* address = window.data();
  ASSERT_TRUE(page_is(page_in(window, 0), 0));  // some were read before, most were not
  const Obstacle obstacle(base + (2 << 20));
  store.keep(contents_from(10'000, pages_in(2)));
  ASSERT_NE(store.base(), base);
  EXPECT_EQ(window.data(), address);
  for (size_t i = 0; i < numbers.size(); ++i) ASSERT_TRUE(page_is(page_in(window, i), i));
}

TEST_P(Windows, AStrayWriteLandsInAPrivateCopyAndHarmsNoStoredPage) {
  OpenStore store(file());
  const auto numbers = store.keep(contents_from(0, 10));
  WindowView scribbled, other;
  ASSERT_TRUE(ok(store.open_window(0, &scribbled)));
  ASSERT_TRUE(ok(store.open_window(0, &other)));
  memset(scribbled.data(), 0xee, scribbled.bytes());
  for (size_t i = 0; i < numbers.size(); ++i) {
    EXPECT_TRUE(store.has(numbers[i], i));
    EXPECT_TRUE(page_is(page_in(other, i), i));
  }
  // Equal content is not stored twice because somebody wrote through a view.
  EXPECT_EQ(store.keep(contents_from(0, 10)), numbers);
  EXPECT_EQ(store.size(), 10u);
}

TEST_P(Windows, UntilASlotIsReusedWhoScribbledSeesTheirOwnScribble) {
  OpenStore store(file());
  const PageNumber page = store.keep(1);
  WindowView window;
  ASSERT_TRUE(ok(store.open_window(0, &window)));
  ASSERT_TRUE(ok(store.hand_out(index_of(page))));
  window.data()[0] = std::byte{0x55};
  store.keep(2);
  store.keep(1);
  store.release(page);
  store.release(page);  // recycled, but not reused
  EXPECT_EQ(window.data()[0], std::byte{0x55});
}

TEST_P(Windows, AHandedOutSlotIsResyncedAtEveryReuseInEveryWindow) {
  OpenStore store(file());
  PageNumber page = store.keep(1);
  store.keep(1000);
  WindowView first, second;
  ASSERT_TRUE(ok(store.open_window(0, &first)));
  ASSERT_TRUE(ok(store.open_window(0, &second)));
  ASSERT_TRUE(ok(store.hand_out(index_of(page))));  // once, for good
  std::vector<std::unique_ptr<WindowView>> later;
  for (uint64_t content = 2; content < 20; ++content) {
    fill_page(first.data(), 500);
    if (content % 2 == 0) fill_page(second.data(), 600);
    for (const auto& window : later) fill_page(window->data(), 700);
    store.release(page);
    EXPECT_EQ(store.keep(content), page);
    EXPECT_TRUE(page_is(first.data(), content));
    EXPECT_TRUE(page_is(second.data(), content));
    for (const auto& window : later) EXPECT_TRUE(page_is(window->data(), content));
    if (content % 4 == 0) {
      ASSERT_TRUE(ok(store.open_window(0, later.emplace_back(new WindowView).get())));
    }
    if (content == 14) later.erase(later.begin() + 1);  // from the middle of the others
  }
}

TEST_P(Windows, ResyncingASlotTouchesNoOther) {
  OpenStore store(file());
  const auto numbers = store.keep(contents_from(0, 3));
  WindowView window;
  ASSERT_TRUE(ok(store.open_window(0, &window)));
  for (const PageNumber n : numbers) ASSERT_TRUE(ok(store.hand_out(index_of(n))));
  for (size_t i = 0; i < 4; ++i) fill_page(page_in(window, i), 500 + i);
  store.release(numbers[1]);
  store.keep(10);
  EXPECT_TRUE(page_is(page_in(window, 0), 500));
  EXPECT_TRUE(page_is(page_in(window, 1), 10));
  EXPECT_TRUE(page_is(page_in(window, 2), 502));
  EXPECT_TRUE(page_is(page_in(window, 3), 503));
}

TEST_P(Windows, EachWindowIsResyncedForItsOwnPages) {
  PageMemory memory(file());
  ASSERT_TRUE(ok(memory.grow(pages_in(130))));
  WindowView windows[3];
  for (size_t i = 0; i < 3; ++i) ASSERT_TRUE(ok(memory.open_window(i, &windows[i])));
  const size_t in_window = PageMemory::window_pages();
  // The first and the last page of each.
  const size_t pages[] = {0, in_window - 1, in_window, 2 * in_window - 1, 2 * in_window, memory.capacity() - 1};
  for (const size_t page : pages) memory.hand_out(page_number(page));
  for (const size_t renewed : pages) {
    for (const size_t page : pages) {
      fill_page(page_in(windows[page / in_window], page % in_window), 500);
    }
    fill_page(memory.page(page_number(renewed)), renewed);
    memory.refresh_windows(page_number(renewed));
    for (const size_t page : pages) {
      EXPECT_TRUE(page_is(page_in(windows[page / in_window], page % in_window), page == renewed ? renewed : 500));
    }
  }
}

TEST_P(Windows, ASlotBeyondAnOldWindowsEndIsNotResyncedBehindIt) {
  PageMemory memory(file());
  fill(memory, 2);
  // Behind one of them lies, as a rule, another.
  WindowView windows[4];
  for (WindowView& window : windows) {
    ASSERT_TRUE(ok(memory.open_window(0, &window)));
    for (size_t i = 0; i < pages_in(2); ++i) fill_page(page_in(window, i), 5000 + i);
  }
  fill(memory, 4, pages_in(2));
  for (size_t i = pages_in(2); i < pages_in(4); ++i) {
    memory.hand_out(page_number(i));
    memory.refresh_windows(page_number(i));
  }
  for (const WindowView& window : windows) {
    for (size_t i = 0; i < pages_in(2); ++i) ASSERT_TRUE(page_is(page_in(window, i), 5000 + i));
  }
}

TEST_P(Windows, OfLockedMemoryAreResyncedToo) {
  PageMemory memory(file());
  fill(memory, 2);
  WindowView locked, other;
  ASSERT_TRUE(ok(memory.open_window(0, &locked)));
  ASSERT_TRUE(ok(memory.open_window(0, &other)));
  if (mlock(locked.data(), locked.bytes()) != 0) GTEST_SKIP() << "mlock: " << strerror(errno);
  for (size_t i = 0; i < memory.capacity(); ++i) ASSERT_TRUE(page_is(page_in(locked, i), i));
  // At both ends, in the middle, side by side, and again.
  const size_t last = memory.capacity() - 1;
  for (const size_t page : {size_t{0}, last, size_t{10}, size_t{11}, size_t{10}, last}) {
    memory.hand_out(page_number(page));
    fill_page(page_in(locked, page), 500);
    fill_page(page_in(other, page), 600);
    fill_page(memory.page(page_number(page)), 1000 + page);
    memory.refresh_windows(page_number(page));
    EXPECT_TRUE(page_is(page_in(locked, page), 1000 + page));
    EXPECT_TRUE(page_is(page_in(other, page), 1000 + page));
  }
  for (size_t i = 12; i < last; ++i) ASSERT_TRUE(page_is(page_in(locked, i), i));
  // Still a private copy.
  fill_page(page_in(locked, 10), 500);
  EXPECT_TRUE(page_is(memory.page(page_number(10)), 1010));
}

TEST_P(Windows, TouchNothingWhenTheyAreOpenedAndReserveNoMemory) {
  PageMemory memory(file());
  fill(memory, 64);
  WindowView window;
  ASSERT_TRUE(ok(memory.open_window(0, &window)));
  EXPECT_EQ(smaps_kibibytes(window.data(), "Rss"), 0u);
  const std::string flags = smaps_flags(window.data());
  EXPECT_NE(flags.find(" nr "), std::string::npos) << flags;  // MAP_NORESERVE
  EXPECT_EQ(flags.find(" sh "), std::string::npos) << flags;  // MAP_PRIVATE
  EXPECT_NE(flags.find(" wr "), std::string::npos) << flags;
  // Reading copies nothing.
  for (size_t i = 0; i < pages_in(64); ++i) ASSERT_TRUE(page_is(page_in(window, i), i));
  EXPECT_EQ(smaps_kibibytes(window.data(), "Anonymous"), 0u);
  window.data()[0] = std::byte{1};
  EXPECT_GT(smaps_kibibytes(window.data(), "Anonymous"), 0u);
}

TEST_P(Windows, StayReadableAfterTheirMemoryIsGone) {
  WindowView window, second;
  {
    OpenStore store(file());
    store.keep(contents_from(0, pages_in(2)));
    ASSERT_TRUE(ok(store.open_window(0, &window)));
    ASSERT_TRUE(ok(store.open_window(0, &second)));
    ASSERT_TRUE(page_is(window.data(), 0));
  }
  for (size_t i = 0; i < pages_in(2); ++i) ASSERT_TRUE(page_is(page_in(window, i), i));
  memset(window.data(), 0xee, window.bytes());
  EXPECT_TRUE(page_is(second.data(), 0));
  window.leave();  // does nothing any more
}

TEST_P(Windows, AreUnmappedByTheirEndAndNotBefore) {
  const std::byte* address;
  {
    WindowView window;
    {
      PageMemory memory(file());
      fill(memory, 2);
      ASSERT_TRUE(ok(memory.open_window(0, &window)));
    }
    address = window.data();
    EXPECT_TRUE(is_mapped(address));
  }
  EXPECT_FALSE(is_mapped(address));
}

TEST_P(Windows, ThatLeftZeroesBehindCanBeReadAndWrittenAndHoldNoMemory) {
  std::byte* address;
  size_t bytes;
  {
    PageMemory memory(file());
    fill(memory, 2);
    WindowView window;
    ASSERT_TRUE(ok(memory.open_window(0, &window)));
    address = window.data();
    bytes = window.bytes();
    fill_page(address, 500);
    window.leave_zeroes();
    EXPECT_EQ(window.data(), nullptr);
    EXPECT_TRUE(page_is(memory.page(page_number(0)), 0));
  }
  EXPECT_EQ(smaps_kibibytes(address, "Rss"), 0u);
  EXPECT_EQ(std::count(address, address + bytes, std::byte{0}), static_cast<ptrdiff_t>(bytes));
  memset(address, 0xee, bytes);
  munmap(address, bytes);
}

TEST_P(Windows, ThatLeftAreNoLongerResynced) {
  PageMemory memory(file());
  fill(memory, 2);
  WindowView former, here;
  ASSERT_TRUE(ok(memory.open_window(0, &former)));
  ASSERT_TRUE(ok(memory.open_window(0, &here)));
  memory.hand_out(page_number(0));
  fill_page(former.data(), 500);
  fill_page(here.data(), 500);
  former.leave();
  former.leave();
  fill_page(memory.page(page_number(0)), 1);
  memory.refresh_windows(page_number(0));
  EXPECT_TRUE(page_is(former.data(), 500));
  EXPECT_TRUE(page_is(here.data(), 1));
}

TEST_P(Windows, MayLeaveInAnyOrder) {
  for (const auto& order : {std::vector<size_t>{0, 1, 2}, {2, 1, 0}, {1, 0, 2}, {1, 2, 0}}) {
    PageMemory memory(file());
    fill(memory, 2);
    memory.hand_out(page_number(0));
    std::optional<WindowView> windows[3];
    for (auto& window : windows) ASSERT_TRUE(ok(memory.open_window(0, &window.emplace())));
    for (const size_t leaving : order) {
      windows[leaving].reset();
      for (const auto& window : windows) {
        if (window) fill_page(window->data(), 500);
      }
      fill_page(memory.page(page_number(0)), leaving);
      memory.refresh_windows(page_number(0));
      for (const auto& window : windows) {
        if (window) {
          EXPECT_TRUE(page_is(window->data(), leaving));
        }
      }
    }
  }
}

// A call that fails puts its slots back; views must show what is there, not what was scribbled.
TEST_P(Windows, SurviveABatchThatFails) {
  OpenStore store(file(), {.max_pages = 6});
  const auto numbers = store.keep(contents_from(0, 6));
  WindowView window;
  ASSERT_TRUE(ok(store.open_window(0, &window)));
  for (const PageNumber n : numbers) ASSERT_TRUE(ok(store.hand_out(index_of(n))));
  store.release(numbers[2]);
  fill_page(page_in(window, 2), 500);
  EXPECT_TRUE(refused(store.offer(contents_from(100, 3)), Error::out_of_memory));
  EXPECT_EQ(store.keep(200), numbers[2]);
  EXPECT_TRUE(page_is(page_in(window, 2), 200));
  for (const size_t i : {0, 1, 3, 4, 5}) EXPECT_TRUE(page_is(page_in(window, i), i));
}

}  // namespace
}  // namespace pagestore::test

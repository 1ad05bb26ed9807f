// A store that several threads use at the same time.
#include <algorithm>
#include <atomic>
#include <map>
#include <random>
#include <thread>

#include "store/shared_store.h"
#include "stores.h"
#include "system/shared_lock.h"

namespace pagestore::test {
namespace {

constexpr size_t kThreads = 4;

class Threads : public OnEachMemory {
 protected:
  void SetUp() override {
    OnEachMemory::SetUp();
    if (!IsSkipped()) create();
  }
  void TearDown() override {
    if (store_ != nullptr) store_->close();
  }

  SharedStore* create() {
    EXPECT_TRUE(ok(
        SharedStore::create({}, GetParam() == MemoryKind::huge ? MemoryChoice::huge : MemoryChoice::memfd, &store_)));
    return store_;
  }
  SharedStore* store() { return store_; }
  void close() {
    store_->close();
    store_ = nullptr;
  }

  // Runs `body(thread, handle)` in several threads, each with a handle of its own. All start at the
  // same time.
  template <typename Body>
  void in_threads(Body body) {
    std::atomic<size_t> waiting = kThreads;
    std::vector<std::thread> threads;
    for (size_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([this, i, &waiting, &body] {
        SharedStore* handle = SharedStore::open(store_->token());
        for (--waiting; waiting > 0;) std::this_thread::yield();
        body(i, handle);
        handle->close();
      });
    }
    for (std::thread& thread : threads) thread.join();
  }

  uint64_t count(size_t number) const {
    PageStore::Counts counts;
    EXPECT_TRUE(ok(store_->counts_of(number, &counts)));
    return counts.users;
  }

 private:
  SharedStore* store_ = nullptr;
};
ON_EACH_MEMORY(Threads);

TEST_P(Threads, HowManyDistinctPagesThereAreNeverDependsOnTiming) {
  constexpr size_t kContents = 1500;  // grows while they store
  constexpr size_t kBatch = 50;
  for (uint64_t round = 0; round < 3; ++round) {
    std::vector<std::vector<PageNumber>> numbers(kThreads);
    std::vector<std::vector<uint64_t>> contents(kThreads);
    for (size_t i = 0; i < kThreads; ++i) {
      contents[i] = contents_from(round * 10'000, kContents);  // the same for all
      const auto own = contents_from(round * 10'000 + (i + 1) * 2000, 100);
      contents[i].insert(contents[i].end(), own.begin(), own.end());
      std::shuffle(contents[i].begin(), contents[i].end(), std::mt19937_64(round * 10 + i));
      numbers[i].resize(contents[i].size());
    }
    in_threads([&](size_t thread, SharedStore* handle) {
      for (size_t at = 0; at < contents[thread].size(); at += kBatch) {
        const Bytes pages = pages_of(std::span(contents[thread]).subspan(at, kBatch));
        ASSERT_TRUE(ok(handle->store(pages.data(), kBatch, &numbers[thread][at])));
      }
    });
    EXPECT_EQ(store()->size(), kContents + kThreads * 100);
    EXPECT_EQ(store()->stats().references, kThreads * (kContents + 100));
    // Whoever stored a content got the same number for it.
    std::map<uint64_t, PageNumber> number_of;
    for (size_t i = 0; i < kThreads; ++i) {
      for (size_t at = 0; at < contents[i].size(); ++at) {
        const auto [known, is_new] = number_of.emplace(contents[i][at], numbers[i][at]);
        ASSERT_EQ(known->second, numbers[i][at]);
      }
    }
    in_threads([&](size_t thread, SharedStore* handle) {
      // Somebody else's references: they are the store's, not a thread's.
      const auto& others = numbers[(thread + 1) % kThreads];
      for (size_t at = 0; at < others.size(); at += kBatch) {
        ASSERT_TRUE(ok(handle->unref(&others[at], kBatch)));
      }
    });
    EXPECT_EQ(store()->size(), 0u);
    EXPECT_EQ(store()->stats().references, 0u);
  }
}

TEST_P(Threads, StoringAndReleasingTheSamePagesAtTheSameTimeLeavesTheStoreWhole) {
  constexpr int kRounds = kSanitized ? 300 : 1500;
  in_threads([&](size_t thread, SharedStore* handle) {
    std::mt19937_64 random(thread);
    Bytes copy(page_size());
    for (int round = 0; round < kRounds; ++round) {
      std::vector<uint64_t> contents(1 + random() % 6);
      for (uint64_t& content : contents) content = random() % 12;
      PageNumber numbers[6];
      ASSERT_TRUE(ok(handle->store(pages_of(contents).data(), contents.size(), numbers)));
      for (size_t i = 0; i < contents.size(); ++i) {
        ASSERT_TRUE(ok(handle->copy_out(index_of(numbers[i]), copy.data())));
        ASSERT_TRUE(page_is(copy.data(), contents[i]));
      }
      ASSERT_TRUE(ok(handle->unref(numbers, contents.size())));
    }
  });
  EXPECT_EQ(store()->size(), 0u);
  EXPECT_EQ(store()->stats().references, 0u);
}

TEST_P(Threads, ReferencesAreCountedExactly) {
  constexpr size_t kPages = 30;
  constexpr int kRounds = 2000;
  std::vector<PageNumber> numbers(kPages);
  ASSERT_TRUE(ok(store()->store(pages_of(contents_from(0, kPages)).data(), kPages, numbers.data())));
  in_threads([&](size_t thread, SharedStore* handle) {
    for (int round = 0; round < kRounds; ++round) {
      ASSERT_TRUE(ok(handle->ref(numbers.data(), kPages)));
      if (thread % 2 == 0) {
        ASSERT_TRUE(ok(handle->unref(numbers.data(), kPages)));
      }
    }
  });
  for (const PageNumber n : numbers) EXPECT_EQ(count(index_of(n)), 1 + kRounds * kThreads / 2);
  EXPECT_EQ(store()->stats().references, kPages * (1 + kRounds * kThreads / 2));
}

TEST_P(Threads, FailingCallsOfSomeDoNotDisturbOthers) {
  PageNumber mine;
  ASSERT_TRUE(ok(store()->store(page_of(1).data(), 1, &mine)));
  in_threads([&](size_t thread, SharedStore* handle) {
    for (int round = 0; round < 500; ++round) {
      if (thread % 2 == 0) {
        const PageNumber wrong[] = {mine, mine, page_number(1'000'000)};
        ASSERT_TRUE(refused(handle->ref(wrong, 3), Error::page_number));
        ASSERT_TRUE(refused(handle->unref(wrong, 3), Error::not_owned));
      } else {
        PageNumber n;
        ASSERT_TRUE(ok(handle->store(page_of(2 + thread).data(), 1, &n)));
        ASSERT_TRUE(ok(handle->unref(&n, 1)));
      }
    }
  });
  EXPECT_EQ(count(index_of(mine)), 1u);
  EXPECT_EQ(store()->size(), 1u);
}

TEST_P(Threads, WindowsComeAndGoWhileOthersReuseSlots) {
  constexpr int kRounds = kSanitized ? 100 : 500;
  in_threads([&](size_t thread, SharedStore* handle) {
    std::mt19937_64 random(thread);
    Window* window = nullptr;
    for (int round = 0; round < kRounds; ++round) {
      if (round % 8 == 0) {
        if (window != nullptr) window->close();
        ASSERT_TRUE(ok(Window::open(handle, 0, &window)));
      }
      const uint64_t content = thread * 1'000'000 + random();
      PageNumber n;
      ASSERT_TRUE(ok(handle->store(page_of(content).data(), 1, &n)));
      ASSERT_TRUE(ok(handle->hand_out(index_of(n))));
      std::byte* view = window->data() + index_of(n) * page_size();
      ASSERT_TRUE(page_is(view, content));  // whatever was scribbled there before
      fill_page(view, random());
      ASSERT_TRUE(ok(handle->unref(&n, 1)));
    }
    window->close();
  });
}

TEST_P(Threads, OneMayCloseWhileOthersUseTheirOwnHandles) {
  const StoreToken token = store()->token();
  std::vector<std::thread> threads;
  for (size_t thread = 0; thread < kThreads; ++thread) {
    SharedStore* handle = SharedStore::open(token);
    threads.emplace_back([handle, thread] {
      for (uint64_t round = 0; round < 100 + thread * 50; ++round) {
        PageNumber n;
        ASSERT_TRUE(ok(handle->store(page_of(round).data(), 1, &n)));
        if (round % 2 == 0) {
          ASSERT_TRUE(ok(handle->unref(&n, 1)));
        }
      }
      handle->close();
    });
  }
  close();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(SharedStore::open(token), nullptr);
}

TEST_P(Threads, OpeningATokenRacesWithTheLastCloseAndEitherWins) {
  for (int round = 0; round < 50; ++round) {
    SharedStore* last = store() != nullptr && round == 0 ? store() : create();
    const StoreToken token = last->token();
    std::atomic<size_t> waiting = kThreads;
    std::vector<std::thread> threads;
    for (size_t thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        for (--waiting; waiting > 0;) std::this_thread::yield();
        if (thread == 0) return close();
        SharedStore* handle = SharedStore::open(token);
        if (handle == nullptr) return;
        PageNumber n;
        EXPECT_TRUE(ok(handle->store(page_of(1).data(), 1, &n)));
        handle->close();
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(SharedStore::open(token), nullptr);
  }
}

TEST_P(Threads, WindowsAreClosedFromAnyThreadBeforeAndAfterTheStoresEnd) {
  std::vector<Window*> windows(kThreads * 8);
  PageNumber n;
  ASSERT_TRUE(ok(store()->store(page_of(1).data(), 1, &n)));
  for (Window*& window : windows) ASSERT_TRUE(ok(Window::open(store(), 0, &window)));
  std::atomic<size_t> waiting = kThreads + 1;
  std::vector<std::thread> threads;
  for (size_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (--waiting; waiting > 0;) std::this_thread::yield();
      for (size_t i = 0; i < 8; ++i) {
        Window* window = windows[thread * 8 + i];
        EXPECT_TRUE(page_is(window->data(), 1));
        window->close();
      }
    });
  }
  for (--waiting; waiting > 0;) std::this_thread::yield();
  close();
  for (std::thread& thread : threads) thread.join();
}

TEST(TheLock, LetsManyReadAtOnce) {
  constexpr int kReaders = 3;
  SharedLock lock;
  std::atomic<int> reading = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kReaders; ++i) {
    threads.emplace_back([&] {
      const std::shared_lock guard(lock);
      // Nobody lets go before all are in: a lock that lets one read at a time hangs here.
      for (++reading; reading < kReaders;) std::this_thread::yield();
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(TheLock, LetsNobodyReadOrWriteBesideAWriter) {
  constexpr int kWriters = 3, kReaders = 3, kRounds = kSanitized ? 3'000 : 30'000;
  SharedLock lock;
  uint64_t one = 0, other = 0;  // equal whenever nobody writes
  std::atomic<int> reading = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kWriters; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < kRounds; ++round) {
        const std::unique_lock guard(lock);
        ++one;
        ASSERT_EQ(reading.load(), 0);
        ++other;
      }
    });
  }
  for (int i = 0; i < kReaders; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < kRounds; ++round) {
        const std::shared_lock guard(lock);
        ++reading;
        ASSERT_EQ(one, other);
        if (round % 64 == 0) std::this_thread::yield();
        --reading;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(one, uint64_t{kWriters} * kRounds);
}

}  // namespace
}  // namespace pagestore::test

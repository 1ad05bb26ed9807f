// A lock for many readers or one writer, in one word: a store's calls may take 30 ns, and std::shared_mutex alone takes
// 20.
//
// Used through std::unique_lock and std::shared_lock. A writer that waits makes later readers wait, so it is not
// starved.
//
// It leaves to its caller: to unlock what it has locked, and never to lock twice in one thread.
#pragma once

#include <atomic>
#include <cstdint>

#include "system/assert.h"
#include "system/non_copyable.h"

namespace pagestore {

class SharedLock : NonCopyable {
 public:
  void lock() {
    uint32_t free = 0;
    if (!state_.compare_exchange_strong(free, kWriter, std::memory_order_acquire)) wait_to_write();
  }
  void unlock() {
    PS_ASSERT(is_locked_exclusively());
    state_.fetch_and(~kWriter, std::memory_order_release);
    state_.notify_all();
  }

  void lock_shared() {
    uint32_t state = state_.load(std::memory_order_relaxed);
    if ((state & (kWriter | kWriterWaits)) != 0 ||
        !state_.compare_exchange_strong(state, state + 1, std::memory_order_acquire)) {
      wait_to_read();
    }
  }
  void unlock_shared() {
    PS_ASSERT((state_.load(std::memory_order_relaxed) & kReaders) > 0);
    const uint32_t state = state_.fetch_sub(1, std::memory_order_release) - 1;
    if (state == kWriterWaits) state_.notify_all();
  }

  // By any thread: for assertions.
  bool is_locked() const { return (state_.load(std::memory_order_relaxed) & (kWriter | kReaders)) != 0; }
  bool is_locked_exclusively() const { return (state_.load(std::memory_order_relaxed) & kWriter) != 0; }

 private:
  static constexpr uint32_t kWriter = 1u << 31;       // a writer has the lock
  static constexpr uint32_t kWriterWaits = 1u << 30;  // a writer waits for it
  static constexpr uint32_t kReaders = kWriterWaits - 1;

  void wait_to_write();
  void wait_to_read();

  std::atomic<uint32_t> state_{0};
};

}  // namespace pagestore

#include "system/shared_lock.h"

namespace pagestore {

void SharedLock::wait_to_write() {
  uint32_t state = state_.load(std::memory_order_relaxed);
  for (;;) {
    if ((state & (kWriter | kReaders)) == 0) {
      // This clears kWriterWaits: another writer that waits sets it again.
      if (state_.compare_exchange_weak(state, kWriter, std::memory_order_acquire)) return;
    } else if ((state & kWriterWaits) == 0) {
      if (state_.compare_exchange_weak(state, state | kWriterWaits, std::memory_order_relaxed)) state |= kWriterWaits;
    } else {
      state_.wait(state, std::memory_order_relaxed);
      state = state_.load(std::memory_order_relaxed);
    }
  }
}

void SharedLock::wait_to_read() {
  uint32_t state = state_.load(std::memory_order_relaxed);
  for (;;) {
    if ((state & (kWriter | kWriterWaits)) == 0) {
      if (state_.compare_exchange_weak(state, state + 1, std::memory_order_acquire)) return;
    } else {
      state_.wait(state, std::memory_order_relaxed);
      state = state_.load(std::memory_order_relaxed);
    }
  }
}

}  // namespace pagestore

// A page store that several threads hold: the store, its lock, and who still needs it.
//
// Every holder (an open handle in some thread) counts, and so does every window. When the last
// holder lets go, the store and its memory go; what stays until the last window is gone is this
// object's shell, so that a view that is read after `close` still reads memory.
//
// A token names a store within this process and holds nothing: once the last holder is gone it
// opens nothing.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <shared_mutex>

#include "store/page_stores.h"
#include "system/shared_lock.h"
#include "system/status.h"

namespace pagestore {

// A name that no other store of any process has, for practical purposes.
struct StoreToken {
  uint64_t high, low;
  bool operator==(const StoreToken&) const = default;
};

// Which memory to ask for. `any`: huge pages where the system allows, else a memfd.
enum class MemoryChoice : uint8_t { any, huge, memfd };

class SharedStore {
 public:
  // The new store has one holder: the caller.
  static Status create(const StoreOptions& options, MemoryChoice memory, SharedStore** store);

  // One holder more, or null when nobody holds such a store.
  static SharedStore* open(const StoreToken& token);

  // One holder less. The caller does not use the store again.
  void close();

  const StoreToken& token() const { return token_; }

  // As in PageStore, each under the lock it needs. Only for holders.
  Status store(const std::byte* pages, size_t count, PageNumber* numbers);
  Status ref(const PageNumber* numbers, size_t count);
  Status unref(const PageNumber* numbers, size_t count);
  Status count_of(uint64_t number, PageStore::Count* count) const;
  Status copy_out(uint64_t number, std::byte* to) const;
  Status hand_out(uint64_t number);
  size_t size() const;
  size_t capacity() const;
  StoreStats stats() const;

  // Makes the stores for page tables of `bytes` and for keys, unless they are there.
  Status open_tables(size_t bytes);

  // All of its stores, exclusively, until the result goes. Null where the last holder is gone. Nothing may
  // run meanwhile that could come back here: no JavaScript, and nothing that throws it.
  class Lock {
   public:
    explicit Lock(SharedStore& store) : guard_(store.lock_), stores_(store.stores_.get()) {}
    explicit operator bool() const { return stores_ != nullptr; }
    PageStores& operator*() const { return *stores_; }
    PageStores* operator->() const { return stores_; }

   private:
    std::unique_lock<SharedLock> guard_;
    PageStores* stores_;
  };

  // Keeps this object, not what is stored, until `drop_shell`.
  void need_shell() { needed_.fetch_add(1, std::memory_order_relaxed); }
  void drop_shell();

 private:
  friend class Window;
  SharedStore() = default;
  void list();
  void unlist();

  mutable SharedLock lock_;
  std::unique_ptr<PageStores> stores_;  // null once the last holder is gone
  MemoryChoice memory_ = MemoryChoice::any;
  StoreToken token_{};
  uint32_t holders_ = 1;             // under the list's lock
  std::atomic<uint32_t> needed_{1};  // one for all holders together, one for each window
  SharedStore* next_ = nullptr;      // in the list of open stores, under its lock
};

// A window that keeps what it shows alive: it may be unmapped from any thread, at any time, also
// after the store's end.
class Window {
 public:
  // Of pages `index * window_pages` and following, as far as the store reaches. Null with a status
  // when refused.
  static Status open(SharedStore* store, size_t index, Window** window);

  std::byte* data() const { return view_.data(); }
  size_t bytes() const { return view_.bytes(); }

  // Unmaps, and deletes this.
  void close() { end(Behind::nothing); }

  // Deletes this and leaves zeroes where it was: somebody out of our sight may still read there.
  void leave_zeroes() { end(Behind::zeroes); }

 private:
  explicit Window(SharedStore* store) : store_(store) {}
  ~Window() = default;
  enum class Behind : uint8_t { nothing, zeroes };
  void end(Behind behind);

  SharedStore* store_;
  WindowView view_;
};

}  // namespace pagestore

// A page store that several threads use: the store, its lock, and who still needs it.
//
// Every user (an open handle in some thread) counts, and so does every window. When the last user closes it, the store
// and its memory are freed. What stays until the last window is closed is this object alone, its shell, so that a view
// that is read after `close` still reads memory.
//
// A token names a store within this process and keeps nothing alive: after the last `close` it opens nothing.
//
// Who keeps more beside the pages (snapshot/page_stores.h) adds it as a companion: it is used under the same lock, and
// is deleted with the store.
//
// It leaves to its caller: to call nothing of a store after its own `close`, and to call nothing that locks while it
// has a Lock.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <utility>

#include "store/page_store.h"
#include "system/assert.h"
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

// Opens `store` in memory of its own.
Status open_page_store(MemoryChoice memory, const StoreOptions& options, PageStore* store);

// What is kept beside a store: it may refer to its pages, and is deleted before them.
class StoreCompanion {
 public:
  virtual ~StoreCompanion() = default;
};

class SharedStore {
 public:
  // The new store has one user: the caller.
  static Status create(const StoreOptions& options, MemoryChoice memory, SharedStore** store);

  // One user more, or null when nobody has such a store open.
  static SharedStore* open(const StoreToken& token);

  // One user less. The caller does not use the store again.
  void close();

  const StoreToken& token() const { return token_; }
  MemoryChoice memory() const { return memory_; }

  // As in PageStore, each under the lock it needs, with users as holders. Only for users.
  Status store(const std::byte* pages, size_t count, PageNumber* numbers);
  Status ref(const PageNumber* numbers, size_t count);
  Status unref(const PageNumber* numbers, size_t count);
  Status counts_of(uint64_t number, PageStore::Counts* counts) const;
  Status copy_out(uint64_t number, std::byte* to) const;
  Status hand_out(uint64_t number);
  size_t size() const;
  size_t capacity() const;
  StoreStats stats() const;

  // The pages and what is kept beside them, exclusively, until this ends.
  class Lock {
   public:
    explicit Lock(SharedStore& store) : guard_(store.lock_), store_(store) {}
    // For assertions.
    const SharedLock* lock() const { return guard_.mutex(); }
    // Null after the last `close`, or before there is one.
    PageStore* pages() const { return store_.pages_.get(); }
    StoreCompanion* companion() const { return store_.companion_.get(); }
    // Once, before the last `close`.
    void set_companion(std::unique_ptr<StoreCompanion> companion) {
      PS_ASSERT(store_.pages_ && !store_.companion_);
      store_.companion_ = std::move(companion);
    }

   private:
    std::unique_lock<SharedLock> guard_;
    SharedStore& store_;
  };

  // The same to be read only, together with other readers.
  class ReadLock {
   public:
    explicit ReadLock(const SharedStore& store) : guard_(store.lock_), store_(store) {}
    const PageStore* pages() const { return store_.pages_.get(); }
    const StoreCompanion* companion() const { return store_.companion_.get(); }

   private:
    std::shared_lock<SharedLock> guard_;
    const SharedStore& store_;
  };

  // Keeps this object, not what is stored, until `drop_shell`.
  void need_shell() { needed_.fetch_add(1, std::memory_order_relaxed); }
  void drop_shell();

 private:
  friend class Window;
  SharedStore() = default;
  void list();
  void unlist();
  // For a caller who is a user.
  PageStore& page_store() const {
    PS_ASSERT(pages_ != nullptr);
    return *pages_;
  }

  mutable SharedLock lock_;
  std::unique_ptr<PageStore> pages_;  // null after the last `close`
  std::unique_ptr<StoreCompanion> companion_;
  MemoryChoice memory_ = MemoryChoice::any;
  StoreToken token_{};
  uint32_t users_ = 1;               // under the list's lock
  std::atomic<uint32_t> needed_{1};  // one for all users together, one for each window
  SharedStore* next_ = nullptr;      // in the list of open stores, under its lock
};

// A window that keeps alive what it shows: any thread may close it at any time, also after the store's end.
class Window {
 public:
  // Of the pages from `index * window_pages` on, as far as the store reaches. Null when refused.
  static Status open(SharedStore* store, size_t index, Window** window);

  std::byte* data() const { return view_.data(); }
  size_t bytes() const { return view_.bytes(); }

  // Unmaps, and deletes this.
  void close() { end(Leave::nothing); }

  // Deletes this and leaves zeroes mapped: a reader that cannot be told to stop may still read there.
  void leave_zeroes() { end(Leave::zeroes); }

 private:
  explicit Window(SharedStore* store) : store_(store) {}
  ~Window() = default;
  enum class Leave : uint8_t { nothing, zeroes };
  void end(Leave leave);

  SharedStore* store_;
  WindowView view_;
};

}  // namespace pagestore

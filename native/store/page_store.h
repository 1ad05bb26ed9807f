// Pages, each stored once and counted.
//
// Storing a page whose bytes are stored already yields the number that they have and adds a reference; any other page
// is copied in. With its last reference a page is recycled: it leaves the hash index, and its slot goes to the free
// list, to be used before any slot that never was. Numbers stay; addresses move when the store grows.
//
// Two kinds of holders have references on pages, users and snapshots, and a page has a count for each: nobody can give
// back what only the other kind holds, and neither count can overflow.
//
//   slots    | used | free | used | blank | free | never used ...  |
//            0                                   top               capacity
//
// Every call is all or nothing: if it returns an error, the store is as before. `store` and `unref` undo what they had
// done; that is exact because recycled slots come back in the reverse order.
//
// Bookkeeping is at most 28 bytes a page of capacity: 8 in the record below, 4 for the count of users, about 12 in the
// hash index, a bit that says whether it was handed out. Without users it is 4 less. All of it grows before the memory
// that it describes, so that only growing can fail.
//
// It leaves to its caller: to have the store's lock, shared for `hand_out` and for what is const, else exclusive; to
// use no address after the lock is released; and to write to a blank, and to nothing else.
#pragma once

#include <cstddef>
#include <cstdint>

#include "store/hash_index.h"
#include "store/page_hash.h"
#include "store/page_memory.h"
#include "store/page_number.h"
#include "system/assert.h"
#include "system/mapping.h"
#include "system/shared_lock.h"
#include "system/status.h"

#ifndef PAGESTORE_COUNT_TYPE
#define PAGESTORE_COUNT_TYPE uint32_t  // narrower in a build that tests what happens at the limit
#endif

namespace pagestore {

// Who has a reference: users, which are all handles on the store together, or snapshots, by their trees.
enum class Holder : uint8_t { user, snapshot };

struct StoreOptions {
  size_t capacity = 1;            // pages to make room for at once
  size_t max_pages = kMostPages;  // the store's budget
  PageHash hash = xxh3;
  size_t page_bytes = page_size();  // or fewer: a power of two, at least 64
  bool has_users = true;            // else snapshots alone hold its pages
};

struct StoreStats {
  uint64_t pages = 0;
  uint64_t capacity = 0;
  uint64_t references = 0;  // of both kinds
  uint64_t duplicates = 0;  // pages offered that were stored already
  uint64_t collisions = 0;  // comparisons of pages that shared a hash tag and differed
  uint64_t bookkeeping_bytes = 0;
  uint64_t growths = 0;
  uint64_t moves = 0;
  MemoryKind memory = MemoryKind::memfd;
};

class PageStore {
 public:
  using Count = PAGESTORE_COUNT_TYPE;
  static constexpr Count kMostReferences = static_cast<Count>(~Count{0});  // of each kind
  // A page's references.
  struct Counts {
    Count users = 0, snapshots = 0;
    uint64_t sum() const { return uint64_t{users} + snapshots; }
  };
  static constexpr size_t kMostBlanks = 256;  // at a time

  PageStore() = default;

  // Which lock its callers must have, for assertions.
  void set_lock(const SharedLock* lock) { lock_ = lock; }

  // Once, before anything else.
  Status open(BackingFile file, const StoreOptions& options);

  // From now on there are at most `pages` pages, in slots below `pages + kMostBlanks`. Refused when a slot from `pages`
  // on was used already.
  Status lower_budget(size_t pages);

  // Stores `count` pages that lie one behind another, at any alignment; `numbers` receives one number each. Another
  // thread may write to them meanwhile: each page is stored as it was at some moment.
  Status store(Holder holder, const std::byte* pages, size_t count, PageNumber* numbers);

  // For a caller who can read pages right into the store. A blank is a slot that nobody else gets. The caller writes to
  // it, and then keeps it for a snapshot, as if its bytes had been stored (if they were stored already, or cannot be,
  // its slot is free again), or gives it back. In between the caller takes no other blanks and stores nothing:
  // addresses would move. Blanks do not count against the budget until they are kept, so the last ones may lie behind
  // it.
  Status take_blanks(size_t count, PageNumber* blanks);
  std::byte* blank(PageNumber blank) const {
    PS_ASSERT(is_locked_exclusively() && is_blank(blank));
    return memory_.page(blank);
  }
  Status keep_blank(PageNumber blank, PageNumber* number);
  void give_back(const PageNumber* blanks, size_t count);

  // One more or one less reference for each number; a number may occur several times. `ref` is for a caller who knows
  // that a page is unchanged: it saves hashing and comparing. The page may be one that only the other kind holds, to
  // `ref`; `unref` refuses to give back more than `holder` has.
  Status ref(Holder holder, const PageNumber* numbers, size_t count);
  Status unref(Holder holder, const PageNumber* numbers, size_t count);

  // None of a recycled page.
  Status counts_of(uint64_t number, Counts* counts) const;

  // How many of them `holder` has: none on a number that never was.
  Count count_of(Holder holder, PageNumber n) const {
    PS_ASSERT(is_locked());
    return index_of(n) < counters_.top ? references(holder, n) : Count{0};
  }

  // The bytes of a page in use, to be read only.
  Status page(uint64_t number, const std::byte** page) const;

  // The same for a caller who has a reference.
  const std::byte* bytes(PageNumber referenced) const {
    PS_ASSERT(is_locked());
    return memory_.page(referenced);
  }

  // As in PageMemory, for a caller who has references on all of these pages for as long as they are mapped.
  bool map_over(PageNumber first, size_t count, std::byte* at) const { return memory_.map_over(first, count, at); }

  // Page `number` will be read through windows from now on.
  Status hand_out(uint64_t number);
  Status open_window(size_t index, WindowView* window);

  size_t size() const { return counters_.size; }
  size_t capacity() const { return memory_.capacity(); }
  StoreStats stats() const;

  // Whether free list, records, counters and hash index agree. For tests: hashes every page.
  bool is_valid() const;

 private:
  struct Page {
    Count snapshots;
    uint32_t link;  // the page's hash tag; of a recycled page, the next one on the free list
  };
  // What a call that fails restores.
  struct Counters {
    size_t size = 0;
    size_t top = 0;  // the first slot that was never used
    uint64_t references = 0;
    uint64_t duplicates = 0;
    uint64_t collisions = 0;
  };
  // A private copy of a page, and what it hashes to.
  struct Hashed {
    const std::byte* bytes;
    HashTag tag;
  };
  static constexpr size_t kScratchPages = 2;  // with the page that they are compared to, they fit into the first cache
  static constexpr size_t kSmallPage = 4096;  // copies of pages no larger fit on the stack

  // Cache lines of a page that are loaded in advance: enough for the processor to recognise the pattern.
  size_t lines_ahead() const { return options_.page_bytes < 512 ? options_.page_bytes / 64 : 8; }

  Page& record(PageNumber n) const { return reinterpret_cast<Page*>(pages_.data())[index_of(n)]; }
  Count& references(Holder holder, PageNumber n) const {
    PS_ASSERT(holder == Holder::snapshot || options_.has_users);
    return holder == Holder::user ? reinterpret_cast<Count*>(users_.data())[index_of(n)] : record(n).snapshots;
  }
  Counts counts(PageNumber n) const {
    return {options_.has_users ? references(Holder::user, n) : Count{0}, references(Holder::snapshot, n)};
  }
  bool others_refer(Holder holder, PageNumber n) const {
    if (holder == Holder::user) return references(Holder::snapshot, n) > 0;
    return options_.has_users && references(Holder::user, n) > 0;
  }
  // Of a slot below the top.
  bool has_references(PageNumber n) const {
    return (options_.has_users && references(Holder::user, n) > 0) || references(Holder::snapshot, n) > 0;
  }
  bool is_used(PageNumber n) const { return index_of(n) < counters_.top && has_references(n); }
  bool is_blank(PageNumber n) const { return index_of(n) < counters_.top && !has_references(n); }
  bool is_locked() const { return lock_ == nullptr || lock_->is_locked(); }
  bool is_locked_exclusively() const { return lock_ == nullptr || lock_->is_locked_exclusively(); }
  Status check(uint64_t number) const;
  Status refuse_unref(PageNumber n) const;
  Hashed hash_copy(const std::byte* page, std::byte* copy) const;
  PageNumber find(Holder holder, const Hashed& page);
  Status intern(Holder holder, const Hashed& page, PageNumber* number);
  Status add_duplicate(Holder holder, PageNumber known);
  void add_new(Holder holder, PageNumber slot, HashTag tag);
  Status check_budget() const;
  Status take_slot(PageNumber* number);
  void recycle(PageNumber n);
  void put_on_free_list(PageNumber n);
  Status grow(size_t pages);
  void undo_store(Holder holder, const PageNumber* numbers, size_t count, const Counters& before);
  void undo_unref(Holder holder, const PageNumber* numbers, size_t count);

  PageMemory memory_;
  HashIndex index_;
  Mapping pages_;    // a Page for each slot
  Mapping users_;    // a Count for each slot, if there are users
  Mapping scratch_;  // for private copies of large pages
  PageNumber last_found_ = kNoPage;
  PageNumber free_ = kNoPage;
  Counters counters_;
  StoreOptions options_;
  const SharedLock* lock_ = nullptr;
};

}  // namespace pagestore

// Pages, each stored once and counted: the heart.
//
// Storing a page whose bytes are stored already gives the number it has and adds a reference; any
// other page is copied in. When the last reference goes, the page is recycled: it leaves the hash
// index and its slot goes to the free list, to be used before any slot that never was. Numbers
// stay; addresses move when the store grows.
//
// Every call is all or nothing: what it returns is not ok, the store is as it was. `store` and
// `unref` undo what they had done; that is exact because recycled slots come back in the order they
// went.
//
// Bookkeeping is at most 24 bytes a page of capacity: 8 in the record below, about 12 in the hash
// index, a bit for what was handed out. All of it grows before the memory it describes, so that
// only growing can fail.
//
// It leaves to its caller: locking. Exclusive for everything not marked const and for `hand_out`
// shared; addresses from `page` die with the lock.
#pragma once

#include <cstddef>
#include <cstdint>

#include "store/hash_index.h"
#include "store/page_hash.h"
#include "store/page_memory.h"
#include "store/page_number.h"
#include "system/mapping.h"
#include "system/status.h"

#ifndef PAGESTORE_COUNT_TYPE
#define PAGESTORE_COUNT_TYPE uint32_t  // narrower in a build that tests what happens at the limit
#endif

namespace pagestore {

struct StoreOptions {
  size_t capacity = 1;            // pages to make room for at once
  size_t max_pages = kMostPages;  // the store's budget
  PageHash hash = xxh3;
  size_t page_bytes = page_size();  // fewer for page tables: a power of two, at least 64
};

struct StoreStats {
  uint64_t pages = 0;
  uint64_t capacity = 0;
  uint64_t references = 0;
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
  static constexpr Count kMostReferences = static_cast<Count>(~Count{0});

  PageStore() = default;

  // Once, before anything else.
  Status open(BackingFile file, const StoreOptions& options);

  // From now on at most `pages`, and no number beyond. Refused when one was used already.
  Status lower_budget(size_t pages);

  // Stores `count` pages that lie one behind another, at any alignment; `numbers` receives one
  // number each. Somebody may write to them meanwhile: each is stored as it was at some moment.
  Status store(const std::byte* pages, size_t count, PageNumber* numbers);

  // For a caller who can read pages right into place. Blanks are slots that nobody else gets; each is
  // written to, and then kept, as if its bytes had been stored (its slot comes free again when they were
  // stored already, or could not be), or given back. No other call in between, for addresses move.
  Status take_blanks(size_t count, PageNumber* blanks);
  std::byte* blank(PageNumber blank) const { return memory_.page(blank); }
  Status keep_blank(PageNumber blank, PageNumber* number);
  void give_back(const PageNumber* blanks, size_t count);

  // One more or one less reference for each number; a number may occur several times. `ref` is for
  // a caller who knows that a page is unchanged: it saves hashing and comparing.
  Status ref(const PageNumber* numbers, size_t count);
  Status unref(const PageNumber* numbers, size_t count);

  // 0 for a recycled page.
  Status count_of(uint64_t number, Count* count) const;

  // The bytes of a page in use, to be read only.
  Status page(uint64_t number, const std::byte** page) const;

  // The same for a caller who holds a reference.
  const std::byte* bytes(PageNumber held) const { return memory_.page(held); }

  // As in PageMemory, for a caller who holds references on all of them for as long as it is mapped.
  bool map_over(PageNumber first, size_t count, std::byte* at) const { return memory_.map_over(first, count, at); }

  // Page `number` will be read through windows from now on.
  Status hand_out(uint64_t number);
  Status open_window(size_t index, WindowView* window);

  size_t size() const { return counters_.size; }
  size_t capacity() const { return memory_.capacity(); }
  StoreStats stats() const;

 private:
  struct Page {
    Count count;
    uint32_t link;  // the page's hash tag; of a recycled page, the next one on the free list
  };
  // What a call that fails puts back.
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
  static constexpr size_t kScratchPages = 2;  // with the page they are compared to, they stay in the first cache
  static constexpr size_t kSmallPage = 4096;  // copies of pages no larger fit on the stack

  // Cache lines of a page that are asked for in advance: enough for the processor to see where it goes on.
  size_t lines_ahead() const { return options_.page_bytes < 512 ? options_.page_bytes / 64 : 8; }

  Page& record(PageNumber n) const { return reinterpret_cast<Page*>(pages_.data())[index_of(n)]; }
  bool is_used(PageNumber n) const { return index_of(n) < counters_.top && record(n).count > 0; }
  Status check(uint64_t number) const;
  Hashed hash_copy(const std::byte* page, std::byte* copy) const;
  PageNumber find(const Hashed& page);
  Status intern(const Hashed& page, PageNumber* number);
  Status add_duplicate(PageNumber known);
  void add_new(PageNumber slot, HashTag tag);
  Status check_budget() const;
  Status take_slot(PageNumber* number);
  void recycle(PageNumber n);
  void put_on_free_list(PageNumber n);
  Status grow(size_t pages);
  void undo_store(const PageNumber* numbers, size_t count, const Counters& before);
  void undo_unref(const PageNumber* numbers, size_t count);

  PageMemory memory_;
  HashIndex index_;
  Mapping pages_;    // a Page for each slot
  Mapping scratch_;  // for private copies of large pages
  PageNumber last_found_ = kNoPage;
  PageNumber free_ = kNoPage;
  Counters counters_;
  StoreOptions options_;
};

}  // namespace pagestore

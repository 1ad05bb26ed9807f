#include "store/page_store.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include "store/page_copy.h"

namespace pagestore {

namespace {

// On failure it is as it was. It stays larger where what grows after it fails.
Status grow_table(Mapping* table, size_t bytes) {
  if (!table->is_mapped()) *table = Mapping::anonymous(bytes);
  if (!table->is_mapped() || (table->bytes() < bytes && !table->resize(bytes))) {
    return Status::out_of_memory("mremap of the page records", bytes, errno);
  }
  return Status::ok();
}

}  // namespace

Status PageStore::open(BackingFile file, const StoreOptions& options) {
  PS_ASSERT(capacity() == 0);
  PS_ASSERT(std::has_single_bit(options.page_bytes) && options.page_bytes >= 64 && options.page_bytes <= page_size());
  if (options.max_pages == 0 || options.max_pages > kMostPages) {
    return Status::refused(Error::capacity, options.max_pages, kMostPages);
  }
  if (options.capacity == 0 || options.capacity > options.max_pages) {
    return Status::refused(Error::capacity, options.capacity, options.max_pages);
  }
  options_ = options;
  if (options.page_bytes > kSmallPage) {
    const size_t bytes = kScratchPages * options.page_bytes;
    scratch_ = Mapping::anonymous(bytes);
    if (!scratch_.is_mapped()) return Status::out_of_memory("mmap", bytes, errno);
  }
  memory_.adopt(std::move(file), options.page_bytes);
  return grow(options.capacity);
}

Status PageStore::lower_budget(size_t pages) {
  PS_ASSERT(is_locked_exclusively());
  if (counters_.top > pages) return Status::refused(Error::capacity, counters_.top, pages);
  options_.max_pages = std::min(options_.max_pages, pages);
  return Status::ok();
}

// A pipeline of two: while one page is looked up, the next is copied and hashed, and its slot in the index is being
// loaded. A longer pipeline, or loading more in advance, only disturbs the processor's own prefetching.
Status PageStore::store(Holder holder, const std::byte* pages, size_t count, PageNumber* numbers) {
  PS_ASSERT(is_locked_exclusively());
  alignas(64) std::byte small[kScratchPages * kSmallPage];
  std::byte* const scratch = scratch_.is_mapped() ? scratch_.data() : small;
  const size_t page_bytes = options_.page_bytes;
  const Counters before = counters_;
  Hashed next = count > 0 ? hash_copy(pages, scratch) : Hashed{};
  for (size_t i = 0; i < count; ++i) {
    const Hashed page = next;
    if (i + 1 < count) {
      const std::byte* source = pages + (i + 1) * page_bytes;
      next = hash_copy(source, scratch + (i + 1) % kScratchPages * page_bytes);
      if (i + 2 < count) prefetch_page(source + page_bytes, lines_ahead());
    }
    if (Status status = intern(holder, page, &numbers[i]); !status.is_ok()) {
      undo_store(holder, numbers, i, before);
      return status;
    }
  }
  finish_copies();
  return Status::ok();
}

// Everything is stored from a private copy: another thread may write to a page that is being stored (through shared
// memory, or by reading a file into it), and the bytes that were hashed must be the bytes that are kept. A page that is
// in no cache must be loaded once in any case, so the copy costs next to nothing.
PageStore::Hashed PageStore::hash_copy(const std::byte* page, std::byte* copy) const {
  memcpy(copy, page, options_.page_bytes);
  const HashTag tag = hash_tag(options_.hash(copy, options_.page_bytes));
  index_.prefetch(tag);
  return {copy, tag};
}

Status PageStore::intern(Holder holder, const Hashed& page, PageNumber* number) {
  *number = find(holder, page);
  if (*number != kNoPage) return add_duplicate(holder, *number);
  if (Status status = check_budget(); !status.is_ok()) return status;
  if (Status status = take_slot(number); !status.is_ok()) return status;
  copy_page(memory_.page(*number), page.bytes, options_.page_bytes);
  add_new(holder, *number, page.tag);
  return Status::ok();
}

Status PageStore::add_duplicate(Holder holder, PageNumber known) {
  Count& count = references(holder, known);
  if (count == kMostReferences) return Status::refused(Error::reference_count, index_of(known), kMostReferences);
  ++count;
  ++counters_.references;
  ++counters_.duplicates;
  return Status::ok();
}

// The bytes are in the slot.
void PageStore::add_new(Holder holder, PageNumber slot, HashTag tag) {
  memory_.refresh_windows(slot);
  record(slot).link = static_cast<uint32_t>(tag);
  references(holder, slot) = 1;
  index_.insert(tag, slot);
  ++counters_.size;
  ++counters_.references;
}

// The number of the stored page with these bytes, or kNoPage. A tag only says which pages to compare.
PageNumber PageStore::find(Holder holder, const Hashed& page) {
  for (auto match = index_.find(page.tag); match.found(); match.next()) {
    const PageNumber candidate = match.number();
    const std::byte* stored = memory_.page(candidate);
    // The processor itself loads pages that lie one behind another.
    if (index_of(candidate) != index_of(last_found_) + 1) prefetch_page(stored, lines_ahead());
    __builtin_prefetch(&references(holder, candidate), 1);
    last_found_ = candidate;
    if (pages_equal(page.bytes, stored, options_.page_bytes)) return candidate;
    ++counters_.collisions;
  }
  return kNoPage;
}

Status PageStore::check_budget() const {
  if (counters_.size < options_.max_pages) return Status::ok();
  return Status::out_of_memory("maxPages", options_.max_pages * options_.page_bytes, 0);
}

Status PageStore::take_slot(PageNumber* number) {
  if (free_ != kNoPage) {
    *number = free_;
    free_ = PageNumber{record(free_).link};
    return Status::ok();
  }
  if (counters_.top == memory_.capacity()) {
    if (Status status = grow(counters_.top + 1); !status.is_ok()) return status;
  }
  *number = page_number(counters_.top++);
  return Status::ok();
}

Status PageStore::take_blanks(size_t count, PageNumber* blanks) {
  PS_ASSERT(is_locked_exclusively() && count <= kMostBlanks);
  for (size_t i = 0; i < count; ++i) {
    if (Status status = take_slot(&blanks[i]); !status.is_ok()) {
      give_back(blanks, i);
      return status;
    }
  }
  return Status::ok();
}

Status PageStore::keep_blank(PageNumber blank, PageNumber* number) {
  PS_ASSERT(is_locked_exclusively() && is_blank(blank));
  const std::byte* page = memory_.page(blank);
  const Hashed hashed{page, hash_tag(options_.hash(page, options_.page_bytes))};
  *number = find(Holder::snapshot, hashed);
  Status status = *number == kNoPage ? check_budget() : add_duplicate(Holder::snapshot, *number);
  if (*number == kNoPage && status.is_ok()) {
    add_new(Holder::snapshot, blank, hashed.tag);
    *number = blank;
  } else {
    give_back(&blank, 1);
  }
  return status;
}

void PageStore::give_back(const PageNumber* blanks, size_t count) {
  PS_ASSERT(is_locked_exclusively());
  for (size_t i = count; i-- > 0;) {
    PS_ASSERT(is_blank(blanks[i]));
    put_on_free_list(blanks[i]);
  }
}

Status PageStore::ref(Holder holder, const PageNumber* numbers, size_t count) {
  PS_ASSERT(is_locked_exclusively());
  for (size_t i = 0; i < count; ++i) {
    const PageNumber n = numbers[i];
    const bool used = is_used(n);
    if (used && references(holder, n) < kMostReferences) {
      ++references(holder, n);
      continue;
    }
    for (size_t done = 0; done < i; ++done) --references(holder, numbers[done]);
    return used ? Status::refused(Error::reference_count, index_of(n), kMostReferences)
                : Status::refused(Error::page_number, index_of(n), counters_.top);
  }
  counters_.references += count;
  return Status::ok();
}

Status PageStore::unref(Holder holder, const PageNumber* numbers, size_t count) {
  PS_ASSERT(is_locked_exclusively());
  constexpr size_t kAhead = 8;
  for (size_t i = 0; i < count; ++i) {
    const PageNumber n = numbers[i];
    // It will likely be recycled.
    if (i + kAhead < count && count_of(holder, numbers[i + kAhead]) == 1) {
      index_.prefetch(HashTag{record(numbers[i + kAhead]).link});
    }
    if (count_of(holder, n) == 0) {
      undo_unref(holder, numbers, i);
      return refuse_unref(n);
    }
    if (--references(holder, n) == 0 && !others_refer(holder, n)) recycle(n);
  }
  counters_.references -= count;
  return Status::ok();
}

// Of `n` no reference can be given back.
Status PageStore::refuse_unref(PageNumber n) const {
  if (Status status = check(index_of(n)); !status.is_ok()) return status;
  const Counts counts = this->counts(n);
  return Status::not_owned(index_of(n), counts.users, counts.snapshots);
}

void PageStore::recycle(PageNumber n) {
  index_.erase(HashTag{record(n).link}, n);
  put_on_free_list(n);
  --counters_.size;
}

void PageStore::put_on_free_list(PageNumber n) {
  record(n).link = static_cast<uint32_t>(free_);
  free_ = n;
}

void PageStore::undo_store(Holder holder, const PageNumber* numbers, size_t count, const Counters& before) {
  for (size_t i = count; i-- > 0;) {
    const PageNumber n = numbers[i];
    if (--references(holder, n) > 0 || has_references(n)) continue;
    if (index_of(n) < before.top) {
      recycle(n);
    } else {
      index_.erase(HashTag{record(n).link}, n);
    }
  }
  counters_ = before;
}

// The head of the free list is the page that was recycled last, and its bytes are still in its slot.
void PageStore::undo_unref(Holder holder, const PageNumber* numbers, size_t count) {
  for (size_t i = count; i-- > 0;) {
    const bool was_recycled = !has_references(numbers[i]);
    ++references(holder, numbers[i]);
    if (!was_recycled) continue;
    Page& page = record(numbers[i]);
    free_ = PageNumber{page.link};
    const HashTag tag = hash_tag(options_.hash(memory_.page(numbers[i]), options_.page_bytes));
    page.link = static_cast<uint32_t>(tag);
    index_.insert(tag, numbers[i]);
    ++counters_.size;
  }
}

Status PageStore::grow(size_t pages) {
  const size_t capacity = std::min(memory_.capacity_for(pages, options_.max_pages), kMostPages);
  if (Status status = grow_table(&pages_, capacity * sizeof(Page)); !status.is_ok()) return status;
  if (options_.has_users) {
    if (Status status = grow_table(&users_, capacity * sizeof(Count)); !status.is_ok()) return status;
  }
  if (Status status = index_.reserve(std::min(capacity, options_.max_pages)); !status.is_ok()) {
    return status;
  }
  return memory_.grow(capacity);
}

Status PageStore::check(uint64_t number) const {
  PS_ASSERT(is_locked());
  if (number < counters_.top && has_references(page_number(number))) return Status::ok();
  return Status::refused(Error::page_number, number, counters_.top);
}

Status PageStore::counts_of(uint64_t number, Counts* counts) const {
  PS_ASSERT(is_locked());
  if (number >= counters_.top) return Status::refused(Error::page_number, number, counters_.top);
  *counts = this->counts(page_number(number));
  return Status::ok();
}

Status PageStore::page(uint64_t number, const std::byte** page) const {
  if (Status status = check(number); !status.is_ok()) return status;
  *page = memory_.page(page_number(number));
  return Status::ok();
}

Status PageStore::hand_out(uint64_t number) {
  if (Status status = check(number); !status.is_ok()) return status;
  memory_.hand_out(page_number(number));
  return Status::ok();
}

Status PageStore::open_window(size_t index, WindowView* window) {
  PS_ASSERT(is_locked_exclusively());
  if (index * PageMemory::window_pages() >= capacity()) {
    return Status::refused(Error::page_number, index * PageMemory::window_pages(), capacity());
  }
  return memory_.open_window(index, window);
}

bool PageStore::is_valid() const {
  size_t used = 0, free = 0;
  uint64_t counted = 0;
  for (size_t i = 0; i < counters_.top; ++i) {
    const PageNumber n = page_number(i);
    if (!has_references(n)) continue;
    ++used;
    counted += counts(n).sum();
    const HashTag tag = hash_tag(options_.hash(memory_.page(n), options_.page_bytes));
    if (static_cast<uint32_t>(tag) != record(n).link || !index_.has(tag, n)) return false;
  }
  for (PageNumber n = free_; n != kNoPage; n = PageNumber{record(n).link}) {
    if (index_of(n) >= counters_.top || has_references(n) || ++free > counters_.top) return false;
  }
  // Slots below the top that are neither used nor free are blanks.
  return used == counters_.size && counted == counters_.references && used + free <= counters_.top &&
         counters_.top <= capacity() && index_.size() == used && index_.is_valid();
}

StoreStats PageStore::stats() const {
  StoreStats stats;
  stats.pages = counters_.size;
  stats.capacity = capacity();
  stats.references = counters_.references;
  stats.duplicates = counters_.duplicates;
  stats.collisions = counters_.collisions;
  stats.bookkeeping_bytes =
      pages_.bytes() + users_.bytes() + index_.bytes() + scratch_.bytes() + memory_.bookkeeping_bytes();
  stats.growths = memory_.growths();
  stats.moves = memory_.moves();
  stats.memory = memory_.kind();
  return stats;
}

}  // namespace pagestore

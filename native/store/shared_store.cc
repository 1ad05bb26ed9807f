#include "store/shared_store.h"

#include <sys/random.h>

#include <cerrno>
#include <cstring>
#include <mutex>
#include <new>
#include <utility>

namespace pagestore {

namespace {

std::mutex open_stores_lock;
SharedStore* open_stores = nullptr;

BackingFile open_file(MemoryChoice choice) {
  if (choice != MemoryChoice::memfd) {
    BackingFile file = open_huge_file();
    if (file.fd.is_open() || choice == MemoryChoice::huge) return file;
  }
  return open_memfd();
}

Status open_store(MemoryChoice memory, const StoreOptions& options, PageStore* store) {
  BackingFile file = open_file(memory);
  if (!file.fd.is_open()) return Status::out_of_memory("opening memory", 0, errno);
  return store->open(std::move(file), options);
}

}  // namespace

Status SharedStore::create(const StoreOptions& options, MemoryChoice memory, SharedStore** store) {
  std::unique_ptr<SharedStore> shared(new (std::nothrow) SharedStore);
  if (shared) shared->stores_.reset(new (std::nothrow) PageStores);
  if (!shared || !shared->stores_) return Status::out_of_memory("new", sizeof(PageStores), ENOMEM);
  if (getrandom(&shared->token_, sizeof(shared->token_), 0) != sizeof(shared->token_)) {
    return Status::out_of_memory("getrandom", sizeof(shared->token_), errno);
  }
  shared->memory_ = memory;
  if (Status status = open_store(memory, options, &shared->stores_->pages); !status.is_ok()) return status;
  *store = shared.release();
  (*store)->list();
  return Status::ok();
}

Status SharedStore::open_tables(size_t bytes) {
  std::unique_lock guard(lock_);
  if (Status status = stores_->pages.lower_budget(kMostSnapshotPages); !status.is_ok()) return status;
  const std::pair<PageStore*, size_t> each_store[] = {{&stores_->tables, bytes}, {&stores_->keys, kKeyBytes}};
  for (const auto& [store, page_bytes] : each_store) {
    if (store->capacity() > 0) continue;
    const StoreOptions options{.max_pages = kMostSnapshotPages, .page_bytes = page_bytes};
    if (Status status = open_store(memory_, options, store); !status.is_ok()) return status;
  }
  return Status::ok();
}

void SharedStore::list() {
  std::lock_guard guard(open_stores_lock);
  next_ = open_stores;
  open_stores = this;
}

// The list's lock is held.
void SharedStore::unlist() {
  SharedStore** link = &open_stores;
  while (*link != this) link = &(*link)->next_;
  *link = next_;
}

SharedStore* SharedStore::open(const StoreToken& token) {
  std::lock_guard guard(open_stores_lock);
  SharedStore* store = open_stores;
  while (store != nullptr && store->token_ != token) store = store->next_;
  if (store != nullptr) ++store->holders_;
  return store;
}

void SharedStore::close() {
  {
    std::lock_guard guard(open_stores_lock);
    if (--holders_ > 0) return;
    unlist();
  }
  {
    std::unique_lock guard(lock_);
    stores_.reset();
  }
  drop_shell();
}

void SharedStore::drop_shell() {
  if (needed_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

Status SharedStore::store(const std::byte* pages, size_t count, PageNumber* numbers) {
  std::unique_lock guard(lock_);
  return stores_->pages.store(pages, count, numbers);
}

Status SharedStore::ref(const PageNumber* numbers, size_t count) {
  std::unique_lock guard(lock_);
  return stores_->pages.ref(numbers, count);
}

Status SharedStore::unref(const PageNumber* numbers, size_t count) {
  std::unique_lock guard(lock_);
  return stores_->pages.unref(numbers, count);
}

Status SharedStore::count_of(uint64_t number, PageStore::Count* count) const {
  std::shared_lock guard(lock_);
  return stores_->pages.count_of(number, count);
}

Status SharedStore::copy_out(uint64_t number, std::byte* to) const {
  std::shared_lock guard(lock_);
  const std::byte* page;
  if (Status status = stores_->pages.page(number, &page); !status.is_ok()) return status;
  memcpy(to, page, page_size());
  return Status::ok();
}

Status SharedStore::hand_out(uint64_t number) {
  std::shared_lock guard(lock_);
  return stores_->pages.hand_out(number);
}

size_t SharedStore::size() const {
  std::shared_lock guard(lock_);
  return stores_->pages.size();
}

size_t SharedStore::capacity() const {
  std::shared_lock guard(lock_);
  return stores_->pages.capacity();
}

StoreStats SharedStore::stats() const {
  std::shared_lock guard(lock_);
  StoreStats stats = stores_->pages.stats();
  stats.tables = stores_->tables.size();
  stats.keys = stores_->keys.size();
  stats.bookkeeping_bytes += stores_->tables.stats().bookkeeping_bytes + stores_->keys.stats().bookkeeping_bytes;
  return stats;
}

Status Window::open(SharedStore* store, size_t index, Window** window) {
  *window = new (std::nothrow) Window(store);
  if (*window == nullptr) return Status::out_of_memory("new", sizeof(Window), ENOMEM);
  store->need_shell();
  std::unique_lock guard(store->lock_);
  Status status = store->stores_->pages.open_window(index, &(*window)->view_);
  guard.unlock();
  if (!status.is_ok()) std::exchange(*window, nullptr)->close();
  return status;
}

void Window::end(Behind behind) {
  SharedStore* store = store_;
  {
    std::unique_lock guard(store->lock_);
    view_.leave();
  }
  if (behind == Behind::zeroes) view_.leave_zeroes();
  delete this;
  store->drop_shell();
}

}  // namespace pagestore

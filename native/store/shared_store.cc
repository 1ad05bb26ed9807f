#include "store/shared_store.h"

#include <sys/random.h>

#include <cerrno>
#include <cstring>
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

}  // namespace

Status open_page_store(MemoryChoice memory, const StoreOptions& options, PageStore* store) {
  BackingFile file = open_file(memory);
  if (!file.fd.is_open()) return Status::out_of_memory("opening memory", 0, errno);
  return store->open(std::move(file), options);
}

Status SharedStore::create(const StoreOptions& options, MemoryChoice memory, SharedStore** store) {
  std::unique_ptr<SharedStore> shared(new (std::nothrow) SharedStore);
  if (shared) shared->pages_.reset(new (std::nothrow) PageStore);
  if (!shared || !shared->pages_) return Status::no_memory(sizeof(SharedStore) + sizeof(PageStore));
  if (getrandom(&shared->token_, sizeof(shared->token_), 0) != sizeof(shared->token_)) {
    return Status::out_of_memory("getrandom", sizeof(shared->token_), errno);
  }
  shared->memory_ = memory;
  shared->pages_->set_lock(&shared->lock_);
  if (Status status = open_page_store(memory, options, shared->pages_.get()); !status.is_ok()) return status;
  *store = shared.release();
  (*store)->list();
  return Status::ok();
}

void SharedStore::list() {
  std::lock_guard guard(open_stores_lock);
  next_ = open_stores;
  open_stores = this;
}

// To be called under the list's lock.
void SharedStore::unlist() {
  SharedStore** link = &open_stores;
  while (*link != this) link = &(*link)->next_;
  *link = next_;
}

SharedStore* SharedStore::open(const StoreToken& token) {
  std::lock_guard guard(open_stores_lock);
  SharedStore* store = open_stores;
  while (store != nullptr && store->token_ != token) store = store->next_;
  if (store != nullptr) ++store->users_;
  return store;
}

void SharedStore::close() {
  {
    std::lock_guard guard(open_stores_lock);
    if (--users_ > 0) return;
    unlist();
  }
  {
    std::unique_lock guard(lock_);
    companion_.reset();
    pages_.reset();
  }
  drop_shell();
}

void SharedStore::drop_shell() {
  if (needed_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

Status SharedStore::store(const std::byte* pages, size_t count, PageNumber* numbers) {
  std::unique_lock guard(lock_);
  return page_store().store(Holder::user, pages, count, numbers);
}

Status SharedStore::ref(const PageNumber* numbers, size_t count) {
  std::unique_lock guard(lock_);
  return page_store().ref(Holder::user, numbers, count);
}

Status SharedStore::unref(const PageNumber* numbers, size_t count) {
  std::unique_lock guard(lock_);
  return page_store().unref(Holder::user, numbers, count);
}

Status SharedStore::counts_of(uint64_t number, PageStore::Counts* counts) const {
  std::shared_lock guard(lock_);
  return page_store().counts_of(number, counts);
}

Status SharedStore::copy_out(uint64_t number, std::byte* to) const {
  std::shared_lock guard(lock_);
  const std::byte* page;
  if (Status status = page_store().page(number, &page); !status.is_ok()) return status;
  memcpy(to, page, page_size());
  return Status::ok();
}

Status SharedStore::hand_out(uint64_t number) {
  std::shared_lock guard(lock_);
  return page_store().hand_out(number);
}

size_t SharedStore::size() const {
  std::shared_lock guard(lock_);
  return page_store().size();
}

size_t SharedStore::capacity() const {
  std::shared_lock guard(lock_);
  return page_store().capacity();
}

StoreStats SharedStore::stats() const {
  std::shared_lock guard(lock_);
  return page_store().stats();
}

Status Window::open(SharedStore* store, size_t index, Window** window) {
  *window = new (std::nothrow) Window(store);
  if (*window == nullptr) return Status::no_memory(sizeof(Window));
  store->need_shell();
  std::unique_lock guard(store->lock_);
  Status status = store->page_store().open_window(index, &(*window)->view_);
  guard.unlock();
  if (!status.is_ok()) std::exchange(*window, nullptr)->close();
  return status;
}

void Window::end(Leave leave) {
  SharedStore* store = store_;
  {
    std::unique_lock guard(store->lock_);
    view_.leave();
  }
  if (leave == Leave::zeroes) view_.leave_zeroes();
  delete this;
  store->drop_shell();
}

}  // namespace pagestore

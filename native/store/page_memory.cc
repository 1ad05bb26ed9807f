#include "store/page_memory.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>

#include "store/available_memory.h"

namespace pagestore {

namespace {

constexpr size_t kUnit = 2 << 20;  // a huge page: capacities are multiples of it
constexpr size_t kLargestStep = 64 << 20;
constexpr int kPopulateWrite = 23;   // MADV_POPULATE_WRITE, Linux 5.14
constexpr int kDontNeedLocked = 24;  // MADV_DONTNEED_LOCKED, Linux 5.18

// Beyond this limit ftruncate raises a signal that would end the process.
uint64_t largest_file() {
  rlimit limit{};
  return getrlimit(RLIMIT_FSIZE, &limit) == 0 ? limit.rlim_cur : RLIM_INFINITY;
}

bool populate_pages(int fd, std::byte* start, size_t offset, size_t bytes) {
  int result;
  do {
    result = madvise(start, bytes, kPopulateWrite);
  } while (result != 0 && errno == EINTR);
  if (result == 0) return true;
  if (errno != EINVAL) return false;
  do {
    result = fallocate(fd, 0, static_cast<off_t>(offset), static_cast<off_t>(bytes));
  } while (result != 0 && errno == EINTR);
  return result == 0;
}

}  // namespace

void WindowView::leave() {
  if (link_ == nullptr) return;
  *link_ = next_;
  if (next_ != nullptr) next_->link_ = link_;
  link_ = nullptr;
}

PageMemory::~PageMemory() {
  while (windows_ != nullptr) windows_->leave();
}

size_t PageMemory::capacity_for(size_t pages, size_t limit) const {
  const size_t now = map_.bytes();
  const size_t step = std::clamp(now, kUnit, kLargestStep);
  const size_t most = round_up(limit * page_bytes_, kUnit);
  const size_t bytes = std::max(round_up(pages * page_bytes_, kUnit), std::min(now + step, most));
  return bytes / page_bytes_;
}

Status PageMemory::grow(size_t pages) {
  const size_t before = map_.bytes();
  const size_t bytes = pages * page_bytes_;
  const size_t fresh = bytes - before;
  PS_ASSERT(bytes > before);
  if (fresh > available_memory()) {
    return Status::out_of_memory("available memory", fresh, ENOMEM);
  }
  if (bytes > largest_file()) return Status::out_of_memory("RLIMIT_FSIZE", bytes, EFBIG);

  const size_t mark_bytes = pages / 8 + 1;
  if (!handed_out_.is_mapped()) handed_out_ = Mapping::anonymous(mark_bytes);
  if (!handed_out_.is_mapped() || (handed_out_.bytes() < mark_bytes && !handed_out_.resize(mark_bytes))) {
    return Status::out_of_memory("mremap of the page marks", mark_bytes, errno);
  }
  if (ftruncate(file_.fd.get(), static_cast<off_t>(bytes)) != 0) {
    return Status::out_of_memory("ftruncate", bytes, errno);
  }

  const std::byte* base = map_.data();
  if (base == nullptr) {
    map_ = Mapping::of_file(file_.fd.get(), 0, bytes, PROT_READ | PROT_WRITE, MAP_SHARED);
    if (!map_.is_mapped()) return Status::out_of_memory("mmap", bytes, errno);
    madvise(map_.data(), bytes, MADV_HUGEPAGE);  // a hint, which a memfd ignores; growth inherits it
  } else if (!map_.resize(bytes)) {
    return Status::out_of_memory("mremap", bytes, errno);
  }
  if (Status status = populate(before); !status.is_ok()) return status;
  ++growths_;
  if (base != nullptr && base != map_.data()) ++moves_;
  return Status::ok();
}

// Makes the kernel allocate what is mapped from `from` on. On failure that part is unmapped, and its memory is free
// again.
Status PageMemory::populate(size_t from) {
  const size_t fresh = map_.bytes() - from;
  if (populate_pages(file_.fd.get(), map_.data() + from, from, fresh)) return Status::ok();
  const int error_number = errno;
  fallocate(file_.fd.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(from),
            static_cast<off_t>(fresh));
  if (from == 0) {
    map_ = Mapping();
  } else {
    map_.resize(from);
  }
  return Status::out_of_memory("populating pages", fresh, error_number);
}

size_t PageMemory::window_pages() {
  return kLargestStep / page_size();
}

Status PageMemory::open_window(size_t index, WindowView* window) {
  PS_ASSERT(page_bytes_ == page_size() && index * window_pages() < capacity() && !window->mapping_.is_mapped());
  const size_t first = index * window_pages();
  const size_t pages = std::min(window_pages(), capacity() - first);
  const size_t bytes = pages * page_size();
  // Without NORESERVE, strict accounting would charge for copies that hardly anybody makes.
  window->mapping_ =
      Mapping::of_file(file_.fd.get(), first * page_size(), bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE);
  if (!window->mapping_.is_mapped()) return Status::out_of_memory("mmap of a window", bytes, errno);
  window->first_ = first;
  window->next_ = windows_;
  window->link_ = &windows_;
  if (windows_ != nullptr) windows_->link_ = &window->next_;
  windows_ = window;
  return Status::ok();
}

bool PageMemory::map_over(PageNumber first, size_t count, std::byte* at) const {
  PS_ASSERT(page_bytes_ == page_size() && reinterpret_cast<uintptr_t>(at) % page_size() == 0);
  PS_ASSERT(index_of(first) + count <= capacity());
  const auto offset = static_cast<off_t>(index_of(first) * page_bytes_);
  return mmap(at, count * page_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE | MAP_FIXED, file_.fd.get(),
              offset) == at;
}

void PageMemory::hand_out(PageNumber n) {
  PS_ASSERT(page_bytes_ == page_size() && index_of(n) < capacity());
  if (!was_handed_out(n)) marks_of(n).fetch_or(mark_of(n), std::memory_order_relaxed);
}

void PageMemory::resync(PageNumber n) {
  for (WindowView* window = windows_; window != nullptr; window = window->next_) {
    const size_t from = index_of(n) - window->first_;  // wraps, and is then too large, for pages before it
    const size_t offset = from * page_size();
    if (from >= window->bytes() / page_size()) continue;
    std::byte* page = window->data() + offset;
    if (madvise(page, page_size(), MADV_DONTNEED) == 0) continue;
    // The kernel refuses that for locked memory (mlockall). Before Linux 5.18 only mapping the page again helps.
    if (madvise(page, page_size(), kDontNeedLocked) == 0) continue;
    mmap(page, page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE | MAP_FIXED, file_.fd.get(),
         static_cast<off_t>(index_of(n) * page_size()));
  }
}

}  // namespace pagestore

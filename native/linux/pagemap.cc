#include "linux/pagemap.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <iterator>

#include "linux/kernel_pages.h"
#include "linux/proc_file.h"
#include "system/assert.h"
#include "system/page_size.h"

namespace pagestore {

namespace {

// Bits of an entry.
constexpr uint64_t kSoftDirty = uint64_t{1} << 55, kWriteProtected = uint64_t{1} << 57, kSwapped = uint64_t{1} << 62,
                   kPresent = uint64_t{1} << 63;

constexpr uint64_t kExists = kernel::kPageIsPresent | kernel::kPageIsSwapped;

uint64_t flags_for(Protect protect) {
  return protect == Protect::dirty ? kernel::kPmScanWpMatching : 0;
}

bool exists(uint64_t entry) {
  return (entry & (kPresent | kSwapped)) != 0;
}

Status append(const AddressRange& run, GrowingArray<AddressRange>* runs) {
  if (!runs->empty() && (*runs)[runs->size() - 1].end == run.start) {
    (*runs)[runs->size() - 1].end = run.end;
    return Status::ok();
  }
  if (runs->append(run)) return Status::ok();
  return Status::no_memory((runs->size() + 1) * sizeof(run));
}

}  // namespace

// Of our own process only tracking can fail; another one may have ended, or be closed to us.
Status Pagemap::refused(const char* what, int error_number) const {
  return pid_ ? process_refused(*pid_, what, error_number) : Status::system(Error::tracker, what, error_number);
}

// Which pages a scan is to find, and its flags.
struct Pagemap::Categories {
  uint64_t flags, all_of, any_of, none_of = 0;
};

Status Pagemap::open_own(Pagemap* pagemap) {
  pagemap->pid_ = {};
  pagemap->file_ = ScopedFd(::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
  return pagemap->file_.is_open() ? Status::ok() : Status::system(Error::tracker, "/proc/self/pagemap", errno);
}

Status Pagemap::open(pid_t pid, Pagemap* pagemap) {
  pagemap->pid_ = pid;
  return open_proc_file(pid, "/proc/PID/pagemap", O_RDONLY, &pagemap->file_);
}

template <typename Is>
Status Pagemap::read_entries(const AddressRange& range, Is is, GrowingArray<AddressRange>* runs) const {
  PS_ASSERT(file_.is_open() && range.start % page_size() == 0 && range.end % page_size() == 0);
  uint64_t entries[512];
  for (uint64_t at = range.start; at < range.end;) {
    const uint64_t wanted = std::min<uint64_t>(std::size(entries), (range.end - at) / page_size());
    const auto offset = static_cast<off_t>(at / page_size() * sizeof(entries[0]));
    const ssize_t got = pread(file_.get(), entries, wanted * sizeof(entries[0]), offset);
    if (got < 0 && errno == EINTR) continue;
    const size_t count = got < 0 ? 0 : static_cast<size_t>(got) / sizeof(entries[0]);
    if (count == 0) return refused("/proc/PID/pagemap", got < 0 ? errno : ESRCH);
    for (size_t i = 0; i < count; ++i, at += page_size()) {
      if (!is(entries[i])) continue;
      if (Status status = append({at, at + page_size()}, runs); !status.is_ok()) return status;
    }
  }
  return Status::ok();
}

// A kernel refuses a category that it does not know before it adds anything.
Status Pagemap::present(const AddressRange& range, GrowingArray<AddressRange>* runs) const {
  static std::atomic<bool> shows_guards = true;
  Status status = Status::system(Error::tracker, "guards", EINVAL);
  if (shows_guards.load(std::memory_order_relaxed)) status = scan(range, {0, 0, kExists, kernel::kPageIsGuard}, runs);
  if (status.error_number() == EINVAL) {
    shows_guards.store(false, std::memory_order_relaxed);
    status = scan(range, {0, 0, kExists}, runs);
  }
  // A kernel that does not know PAGEMAP_SCAN has added nothing yet.
  return status.error_number() == ENOTTY ? read_entries(range, exists, runs) : status;
}

Status Pagemap::written(const AddressRange& range, Protect protect, GrowingArray<AddressRange>* runs) const {
  return scan(range, {kernel::kPmScanCheckWpAsync | flags_for(protect), kernel::kPageIsWritten, 0}, runs);
}

Status Pagemap::written_if_registered(const AddressRange& range, GrowingArray<AddressRange>* runs,
                                      GrowingArray<AddressRange>* absent) const {
  return scan(range, {0, kernel::kPageIsWritten, 0}, runs, absent);
}

Status Pagemap::protect_existing(const AddressRange& range, GrowingArray<AddressRange>* runs) const {
  return scan(range, {kernel::kPmScanWpMatching, kernel::kPageIsWritten, kExists}, runs);
}

Status Pagemap::guards(const AddressRange& range, GrowingArray<AddressRange>* runs) const {
  return scan(range, {0, kernel::kPageIsGuard, 0}, runs);
}

Status Pagemap::unregistered(const AddressRange& range, GrowingArray<AddressRange>* runs) const {
  return scan(range, {0, 0, 0, kernel::kPageIsWpAllowed}, runs);
}

Status Pagemap::registered(const AddressRange& range, GrowingArray<AddressRange>* runs) const {
  return scan(range, {0, kernel::kPageIsWpAllowed, 0}, runs);
}

Status Pagemap::write_protected(const AddressRange& range, GrowingArray<AddressRange>* runs) const {
  return read_entries(
      range, [](uint64_t entry) { return (entry & kWriteProtected) != 0; }, runs);
}

Status Pagemap::soft_dirty(const AddressRange& range, GrowingArray<AddressRange>* runs) const {
  return read_entries(
      range, [](uint64_t entry) { return (entry & kSoftDirty) != 0 || !exists(entry); }, runs);
}

// With `absent`, what is found and does not exist is added there.
Status Pagemap::scan(const AddressRange& range, const Categories& wanted, GrowingArray<AddressRange>* runs,
                     GrowingArray<AddressRange>* absent) const {
  PS_ASSERT(file_.is_open() && range.start % page_size() == 0 && range.end % page_size() == 0);
  kernel::PageRegion found[256];
  uint64_t from = range.start;
  do {
    kernel::PmScanArg scan{};
    scan.size = sizeof(scan);
    scan.flags = wanted.flags;
    scan.start = from;
    scan.end = range.end;
    scan.vec = reinterpret_cast<uint64_t>(found);
    scan.vec_len = std::size(found);
    scan.category_mask = wanted.all_of | wanted.none_of;
    scan.category_inverted = wanted.none_of;
    scan.category_anyof_mask = wanted.any_of;
    scan.return_mask = wanted.all_of | wanted.any_of | wanted.none_of | (absent != nullptr ? kExists : 0);
    const int count = ioctl(file_.get(), kernel::kPagemapScan, &scan);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return refused("PAGEMAP_SCAN", errno);
    for (int i = 0; i < count; ++i) {
      const bool is_absent = absent != nullptr && (found[i].categories & kExists) == 0;
      const AddressRange run{found[i].start, found[i].end};
      if (Status status = append(run, is_absent ? absent : runs); !status.is_ok()) return status;
    }
    from = scan.walk_end;
  } while (from < range.end);
  return Status::ok();
}

}  // namespace pagestore

// What a ProcessMemory does with the regions that it captures.
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>

#include "linux/proc_file.h"
#include "linux/untouched_pages.h"
#include "memory/process_memory.h"
#include "snapshot/page_capture.h"
#include "system/assert.h"

namespace pagestore {

// One capture: goes over the address space in rising order.
class ProcessMemory::Capture {
 public:
  Capture(ProcessMemory& memory, PageStores& stores, const Pagemap& pagemap)
      : memory_(memory),
        stores_(stores),
        pages_(stores, memory.captured_.tree(), memory.captured_.pages()),
        untouched_(memory.pid_, pagemap, memory.identities_) {}

  Status take(const Pagemap& pagemap, const Region& region) {
    const AddressRange range{region.start, region.end};
    PS_ASSERT(range.start / page_size() >= next_);
    is_file_ = !is_anonymous(region);
    is_read_ = region.permissions[0] == 'r';
    runs_.clear();
    if (Status status = untouched_.find(region, range, &runs_); !status.is_ok()) return status;
    for (const auto& [run, is_in_file] : runs_) {
      if (Status status = remove_until(run.start / page_size()); !status.is_ok()) return status;
      Status status = is_in_file ? take_from_file(run) : is_tracked() ? take_dirty(pagemap, run) : take_run(run);
      if (!status.is_ok()) return status;
      next_ = run.end / page_size();
    }
    return Status::ok();
  }

  Status finish(OwnedTree* tree, uint64_t* pages) {
    if (Status status = remove_until(UINT64_MAX); !status.is_ok()) return status;
    return pages_.finish(tree, pages);
  }

 private:
  // Of the region at hand. A page of a file loses its soft-dirty bit when the kernel drops it from memory.
  bool is_tracked() const { return memory_.tracker_ == TrackerKind::soft_dirty && memory_.is_known_ && !is_file_; }

  Status take_dirty(const Pagemap& pagemap, const AddressRange& run) {
    GrowingArray<AddressRange> dirty;
    if (Status status = pagemap.soft_dirty(run, &dirty); !status.is_ok()) return status;
    uint64_t clean_from = run.start;
    for (const AddressRange& each : dirty) {
      if (Status status = take_unknown({clean_from, each.start}); !status.is_ok()) return status;
      if (Status status = take_run(each); !status.is_ok()) return status;
      clean_from = each.end;
    }
    return take_unknown({clean_from, run.end});
  }

  // Of pages that exist and are not dirty, those that the last tree has nothing of: the last capture may have left them
  // out, because other regions were selected or nobody might read them.
  Status take_unknown(const AddressRange& clean) {
    for (uint64_t at = clean.start; at < clean.end;) {
      uint64_t end = at;
      for (bool is_absent = true; end < clean.end; end += page_size()) {
        if (Status status = pages_.is_absent(end / page_size(), &is_absent); !status.is_ok()) return status;
        if (!is_absent) break;
      }
      if (end > at) {
        if (Status status = take_run({at, end}); !status.is_ok()) return status;
      }
      at = end + page_size();
    }
    return Status::ok();
  }

  Status take_from_file(const AddressRange& run) {
    for (uint64_t at = run.start; at < run.end; at += page_size()) {
      OwnedBlank blank;
      bool is_same;
      if (Status status = OwnedBlank::borrow(stores_.pages, &blank); !status.is_ok()) return status;
      const VirtualPage page = at / page_size();
      const bool is_there = untouched_.read_from_file(at, blank.bytes());
      Status status = is_there ? pages_.capture(page, std::move(blank), &is_same) : pages_.remove(page);
      if (!status.is_ok()) return status;
    }
    return Status::ok();
  }

  Status take_run(const AddressRange& run) {
    for (uint64_t at = run.start; at < run.end;) {
      const size_t wanted = std::min<uint64_t>(OwnedBlanks::kMost, (run.end - at) / page_size());
      OwnedBlanks blanks(stores_.pages);
      if (Status status = blanks.borrow(wanted); !status.is_ok()) return status;
      size_t got = 0;
      if (Status status = read(at, blanks, &got); !status.is_ok()) return status;
      for (size_t i = 0; i < got; ++i) {
        bool is_same;
        Status status = pages_.capture(at / page_size() + i, blanks.next(), &is_same);
        if (!status.is_ok()) return status;
      }
      at += got * page_size();
      if (got == wanted) continue;
      if (Status status = check_end_of_file(at); !status.is_ok()) return status;
      // A guard is one page.
      const uint64_t end = is_file_ ? run.end : at + page_size();
      next_ = at / page_size();
      if (Status status = remove_until(end / page_size()); !status.is_ok()) return status;
      at = end;
    }
    return Status::ok();
  }

  // Reads pages from `address` on, up to the first that cannot be read.
  Status read(uint64_t address, const OwnedBlanks& blanks, size_t* got) {
    iovec local[OwnedBlanks::kMost];
    for (size_t i = 0; i < blanks.size(); ++i) local[i] = {blanks.bytes(i), page_size()};
    const iovec remote{reinterpret_cast<void*>(address), blanks.size() * page_size()};
    const ssize_t bytes = process_vm_readv(memory_.pid_, local, blanks.size(), &remote, 1, 0);
    *got = bytes < 0 ? 0 : static_cast<size_t>(bytes) / page_size();
    return bytes >= 0 || errno == EFAULT ? Status::ok() : process_refused(memory_.pid_, "process_vm_readv", errno);
  }

  // Why the page at `address` cannot be read. Behind the end of a file there is nothing, up to the end of the region;
  // and nothing is in a page that became a guard meanwhile, or that the kernel does not show to be one. Anything else
  // makes the capture fail.
  Status check_end_of_file(uint64_t address) const {
    if (is_read_ && memory_.is_mapped(address)) return Status::ok();
    return Status::process_gone(memory_.pid_, "ended, became another program, or unmapped what was being read");
  }

  // What the last tree has between the pages that were taken and `page` does not exist any more.
  Status remove_until(VirtualPage page) {
    const Status status = pages_.remove(next_, page);
    next_ = std::max(next_, page);
    return status;
  }

  ProcessMemory& memory_;
  PageStores& stores_;
  PageCapture pages_;
  UntouchedPages untouched_;
  GrowingArray<PageRun> runs_;
  VirtualPage next_ = 0;  // all pages before it are done
  bool is_file_ = false;  // there is one behind the region at hand
  bool is_read_ = true;   // the process may read it
};

namespace {

// Whether the first of the captured regions, the program's own code, still begins where it did.
bool is_same_program(const RegionList& now, const RegionList& captured) {
  RegionReader before(captured.bytes()), after(now.bytes());
  Region first, region;
  if (!before.next(&first)) return true;
  while (after.next(&region)) {
    if (region.start == first.start && region.path == first.path) return true;
  }
  return false;
}

}  // namespace

Status ProcessMemory::capture(Snapshot* snapshot) {
  if (!has_selection_) {
    if (Status status = select_captured(); !status.is_ok()) return status;
  }
  Pagemap pagemap;
  if (Status status = Pagemap::open(pid_, &pagemap); !status.is_ok()) return status;
  const LockedStores stores(*store_);
  Capture capture(*this, *stores, pagemap);
  RegionReader reader(selected_.bytes());
  Region region;
  while (reader.next(&region)) {
    if (Status status = capture.take(pagemap, region); !status.is_ok()) return status;
  }
  OwnedTree tree;
  uint64_t pages;
  if (Status status = capture.finish(&tree, &pages); !status.is_ok()) return status;
  // The memory of a process that has ended meanwhile reads as empty.
  RegionList now;
  if (Status status = read_regions(&now); !status.is_ok()) return status;
  if (!is_same_program(now, selected_)) return Status::process_gone(pid_, "became another program");
  // The bits are cleared first: if the rest fails, nothing is known, and the next capture reads all pages.
  const bool is_cleared = tracker_ == TrackerKind::soft_dirty && clear_dirty().is_ok();
  is_known_ = false;
  OwnedSnapshot made;
  Status status = captured_.commit(*stores, std::move(tree), pages, {.regions = selected_.bytes()}, &made);
  if (!status.is_ok()) return status;
  is_known_ = is_cleared;
  *snapshot = made.take();
  return status;
}

}  // namespace pagestore

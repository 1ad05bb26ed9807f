// Looking at pages of a tracee, and writing them.
#include <algorithm>
#include <cerrno>

#include "linux/remote_pages.h"
#include "memory/tracee/tracee_memory.h"
#include "store/page_copy.h"
#include "system/phase_clock.h"

namespace pagestore {

namespace {

constexpr size_t kMost = RemotePages::kMost;

}  // namespace

// Reads pages into blank slots of the store, many at a time, and looks at each.
class TraceeMemory::Looker {
 public:
  Looker(TraceeMemory& memory, PageStores& stores, const PageTree& known, uint64_t known_pages)
      : memory_(memory),
        stores_(stores),
        remote_(memory.process_.living(), memory.process_.memory().get()),
        pages_(stores, known, known_pages) {}

  Status look_at(const Work& work) {
    const VirtualPage first = work.range.start / page_size(), end = work.range.end / page_size();
    if (work.why == Why::dirty) return add(first, end, true);
    if (work.why == Why::unmapped) return forget(first, end);
    if (Status status = memory_.present_in(work, &runs_); !status.is_ok()) return status;
    VirtualPage next = first;
    for (const AddressRange& run : runs_) {
      const VirtualPage from = run.start / page_size();
      if (Status status = forget(next, from); !status.is_ok()) return status;
      next = run.end / page_size();
      if (Status status = add(from, next, false); !status.is_ok()) return status;
    }
    return forget(next, end);
  }

  Status finish(OwnedTree* tree, uint64_t* pages) {
    if (Status status = flush(); !status.is_ok()) return status;
    return pages_.finish(tree, pages);
  }

 private:
  Status add(VirtualPage first, VirtualPage end, bool is_dirty) {
    for (VirtualPage place = first; place < end; ++place) {
      is_dirty_[count_] = is_dirty;
      places_[count_++] = place;
      if (count_ < kMost) continue;
      if (Status status = flush(); !status.is_ok()) return status;
    }
    return Status::ok();
  }

  Status forget(VirtualPage first, VirtualPage end) {
    if (first >= end) return Status::ok();
    if (Status status = flush(); !status.is_ok()) return status;
    return pages_.remove(first, end);
  }

  Status flush() {
    const size_t count = std::exchange(count_, 0);
    if (count == 0) return Status::ok();
    PageNumber blanks[kMost];
    std::byte* slots[kMost];
    bool reached[kMost];
    if (Status status = stores_.pages.take_blanks(count, blanks); !status.is_ok()) return status;
    for (size_t i = 0; i < count; ++i) slots[i] = stores_.pages.blank(blanks[i]);
    Status status = read(count, slots, reached);
    size_t done = 0;
    for (; done < count && status.is_ok(); ++done) {
      bool is_same = true;
      if (reached[done]) {
        status = pages_.capture(places_[done], blanks[done], &is_same);
      } else {
        stores_.pages.give_back(&blanks[done], 1);
        status = pages_.remove(places_[done]);
      }
      if (is_dirty_[done] && status.is_ok()) status = memory_.note_look(places_[done], is_same);
    }
    stores_.pages.give_back(blanks + done, count - done);
    return status;
  }

  Status read(size_t count, std::byte* const* slots, bool* reached) const {
    const InPhase phase(Phase::read);
    return remote_.read({places_, count}, slots, reached);
  }

  TraceeMemory& memory_;
  PageStores& stores_;
  RemotePages remote_;
  PageCapture pages_;
  GrowingArray<AddressRange> runs_;
  size_t count_ = 0;
  VirtualPage places_[kMost];
  bool is_dirty_[kMost];
};

// In rising order, in each round of looks anew.
Status TraceeMemory::note_look(VirtualPage place, bool is_same) {
  while (steady_at_ < steady_.size() && steady_[steady_at_].place < place) ++steady_at_;
  const bool is_listed = steady_at_ < steady_.size() && steady_[steady_at_].place == place;
  const uint32_t looks = is_same ? 1 + (is_listed ? steady_[steady_at_].looks : 0) : 0;
  if (looked_.append({place, looks})) return Status::ok();
  return Status::out_of_memory("realloc", sizeof(Steady), ENOMEM);
}

Status TraceeMemory::capture(PageStores& stores, const PageTree& known, uint64_t known_pages, OwnedTree* tree,
                             uint64_t* pages) {
  GrowingArray<Work> work;
  if (Status status = find_work(&work); !status.is_ok()) return status;
  looked_.clear();
  steady_at_ = 0;
  const InPhase phase(Phase::store);
  Looker looker(*this, stores, known, known_pages);
  for (const Work& each : work) {
    if (Status status = looker.look_at(each); !status.is_ok()) return status;
  }
  return looker.finish(tree, pages);
}

// Writes pages, many at a time.
class TraceeMemory::Writer {
 public:
  Writer(TraceeMemory& memory, PageStores& stores, const PageTree& target)
      : memory_(memory),
        stores_(stores),
        remote_(memory.process_.living(), memory.process_.memory().get()),
        target_(stores, target) {}

  // Nothing is known of a whole range: pages there are compared first, so that what is as it should be stays
  // the process's own.
  Status write_whole(const Work& work, const PageTree& target) {
    if (Status status = memory_.present_in(work, &runs_); !status.is_ok()) return status;
    for (const AddressRange& run : runs_) {
      for (uint64_t at = run.start; at < run.end; at += kMost * page_size()) {
        const uint64_t end = std::min(run.end, at + kMost * page_size());
        if (Status status = write_different(at / page_size(), end / page_size()); !status.is_ok()) return status;
      }
    }
    // And what is not there yet.
    Status status = Status::ok();
    const VirtualPage first = work.range.start / page_size(), last = work.range.end / page_size() - 1;
    PageTables(stores_).differences({}, target, first, last, [&](VirtualPage place, Child, Child) {
      if (status.is_ok() && !is_listed(place)) status = write(place);
    });
    return status;
  }

  Status write_dirty(const Work& work) {
    for (VirtualPage place = work.range.start / page_size(); place < work.range.end / page_size(); ++place) {
      if (Status status = write(place); !status.is_ok()) return status;
    }
    return Status::ok();
  }

  Status write(VirtualPage place) { return write(place, target_.page_at(place)); }
  Status write(VirtualPage place, Child page) {
    is_zero_[count_] = page == Child::absent;
    pages_[count_] = page == Child::absent ? zeroes() : stores_.pages.bytes(number_of(page));
    places_[count_++] = place;
    return count_ < kMost ? Status::ok() : flush();
  }

  Status flush() {
    const size_t count = std::exchange(count_, 0);
    if (count == 0) return Status::ok();
    const InPhase phase(Phase::write);
    bool reached[kMost];
    if (Status status = remote_.write({places_, count}, pages_, reached); !status.is_ok()) return status;
    for (size_t i = 0; i < count; ++i) {
      // Where there is nothing, nothing need be zero.
      if (reached[i] || is_zero_[i]) continue;
      return Status::system(Error::process_memory, "writing a page", EFAULT);
    }
    return Status::ok();
  }

 private:
  static const std::byte* zeroes() {
    alignas(64) static constexpr std::byte page[64 << 10] = {};
    return page;
  }

  bool is_listed(VirtualPage place) const {
    const uint64_t at = place * page_size();
    const AddressRange* run = std::upper_bound(
        runs_.begin(), runs_.end(), at, [](uint64_t address, const AddressRange& each) { return address < each.end; });
    return run != runs_.end() && run->start <= at;
  }

  Status write_different(VirtualPage first, VirtualPage end) {
    if (!scratch_.is_mapped()) scratch_ = Mapping::anonymous(kMost * page_size());
    if (!scratch_.is_mapped()) return Status::out_of_memory("mmap", kMost * page_size(), errno);
    const auto count = static_cast<size_t>(end - first);
    VirtualPage places[kMost];
    std::byte* pages[kMost];
    bool reached[kMost];
    for (size_t i = 0; i < count; ++i) {
      places[i] = first + i;
      pages[i] = scratch_.data() + i * page_size();
    }
    if (Status status = remote_.read({places, count}, pages, reached); !status.is_ok()) return status;
    for (size_t i = 0; i < count; ++i) {
      const Child wanted = target_.page_at(places[i]);
      const std::byte* bytes = wanted == Child::absent ? zeroes() : stores_.pages.bytes(number_of(wanted));
      if (reached[i] && pages_equal(pages[i], bytes, page_size())) continue;
      if (Status status = write(places[i], wanted); !status.is_ok()) return status;
    }
    return Status::ok();
  }

  TraceeMemory& memory_;
  PageStores& stores_;
  RemotePages remote_;
  TreeReader target_;
  GrowingArray<AddressRange> runs_;
  Mapping scratch_;
  size_t count_ = 0;
  VirtualPage places_[kMost];
  const std::byte* pages_[kMost];
  bool is_zero_[kMost];
};

Status TraceeMemory::restore(PageStores& stores, const PageTree& known, const PageTree& target) {
  GrowingArray<Work> work;
  if (Status status = find_work(&work); !status.is_ok()) return status;
  const InPhase phase(Phase::diff);
  Writer writer(*this, stores, target);
  for (const Work& each : work) {
    if (each.why == Why::unmapped) continue;
    const Status status = each.why == Why::dirty ? writer.write_dirty(each) : writer.write_whole(each, target);
    if (!status.is_ok()) return status;
  }
  if (is_known_) {
    Status status = Status::ok();
    RegionReader reader(regions_.bytes());
    Region region{};
    PageTables(stores).differences(known, target, 0, UINT64_MAX, [&](VirtualPage place, Child, Child page) {
      while (region.end <= place * page_size() && reader.next(&region)) continue;
      // Below a stack there is nothing to be made zero, and to write there makes it grow.
      const bool is_mapped = region.start <= place * page_size() && place * page_size() < region.end;
      if (status.is_ok() && (is_mapped || page != Child::absent)) status = writer.write(place, page);
    });
    if (!status.is_ok()) return status;
  }
  return writer.flush();
}

}  // namespace pagestore

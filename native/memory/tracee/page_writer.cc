#include "memory/tracee/page_writer.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "store/page_copy.h"
#include "system/phase_clock.h"

namespace pagestore {

Status PageWriter::write(const DirtyRange& dirty) {
  if (dirty.kind == DirtyRange::Kind::unmapped) return Status::ok();
  if (dirty.kind != DirtyRange::Kind::written) return write_untracked(dirty);
  for (VirtualPage page = dirty.range.start / page_size(); page < dirty.range.end / page_size(); ++page) {
    if (Status status = write_page(page, target_pages_.page_at(page)); !status.is_ok()) return status;
  }
  return Status::ok();
}

Status PageWriter::write_untracked(const DirtyRange& dirty) {
  if (Status status = tracker_.find_existing(dirty, &runs_); !status.is_ok()) return status;
  for (const AddressRange& run : runs_) {
    for (uint64_t at = run.start; at < run.end; at += kMost * page_size()) {
      const uint64_t end = std::min(run.end, at + kMost * page_size());
      if (Status status = write_different(at / page_size(), end / page_size()); !status.is_ok()) return status;
    }
  }
  // And pages that do not exist yet.
  Status status = Status::ok();
  const VirtualPage first = dirty.range.start / page_size(), last = dirty.range.end / page_size() - 1;
  PageTables(stores_).differences({}, target_, first, last, [&](VirtualPage page, Child, Child child) {
    if (status.is_ok() && !exists(page)) status = write_page(page, child);
  });
  return status;
}

Status PageWriter::write_differences(const PageTree& from, const RegionList& regions, const RangeSet& left_out) {
  Status status = Status::ok();
  RegionReader reader(regions.bytes());
  Region region{};
  PageTables(stores_).differences(from, target_, 0, UINT64_MAX, [&](VirtualPage page, Child, Child child) {
    const uint64_t address = page * page_size();
    while (region.end <= address && reader.next(&region)) continue;
    if (!left_out.empty() && !left_out.overlapping({address, address + page_size()}).empty()) return;
    // Below a stack nothing need be zero, and a write there would make it grow.
    const bool is_mapped = region.start <= address && address < region.end;
    if (status.is_ok() && (is_mapped || child != Child::absent)) status = write_page(page, child);
  });
  return status;
}

Status PageWriter::write_page(VirtualPage page, Child child) {
  is_zero_[count_] = child == Child::absent;
  bytes_[count_] = bytes_of(child);
  numbers_[count_++] = page;
  return count_ < kMost ? Status::ok() : flush();
}

Status PageWriter::flush() {
  const size_t count = std::exchange(count_, 0);
  if (count == 0) return Status::ok();
  const InPhase phase(Phase::write);
  bool reached[kMost];
  if (Status status = remote_.write({numbers_, count}, bytes_, reached); !status.is_ok()) return status;
  for (size_t i = 0; i < count; ++i) {
    // Where there is no memory, nothing need be zero.
    if (!reached[i] && !is_zero_[i]) return Status::mapping(numbers_[i] * page_size(), EFAULT);
  }
  return Status::ok();
}

const std::byte* PageWriter::bytes_of(Child child) const {
  alignas(64) static constexpr std::byte kZeroes[64 << 10] = {};
  return child == Child::absent ? kZeroes : stores_.pages.bytes(number_of(child));
}

// Whether the page is in `runs_`.
bool PageWriter::exists(VirtualPage page) const {
  const uint64_t at = page * page_size();
  const AddressRange* run = std::upper_bound(
      runs_.begin(), runs_.end(), at, [](uint64_t address, const AddressRange& each) { return address < each.end; });
  return run != runs_.end() && run->start <= at;
}

Status PageWriter::write_different(VirtualPage first, VirtualPage end) {
  if (!scratch_.is_mapped()) scratch_ = Mapping::anonymous(kMost * page_size());
  if (!scratch_.is_mapped()) return Status::out_of_memory("mmap", kMost * page_size(), errno);
  const auto count = static_cast<size_t>(end - first);
  VirtualPage numbers[kMost];
  std::byte* pages[kMost];
  bool reached[kMost];
  for (size_t i = 0; i < count; ++i) {
    numbers[i] = first + i;
    pages[i] = scratch_.data() + i * page_size();
  }
  if (Status status = remote_.read({numbers, count}, pages, reached); !status.is_ok()) return status;
  for (size_t i = 0; i < count; ++i) {
    const Child wanted = target_pages_.page_at(numbers[i]);
    if (reached[i] && pages_equal(pages[i], bytes_of(wanted), page_size())) continue;
    if (Status status = write_page(numbers[i], wanted); !status.is_ok()) return status;
  }
  return Status::ok();
}

}  // namespace pagestore

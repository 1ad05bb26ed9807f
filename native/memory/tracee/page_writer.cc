#include "memory/tracee/page_writer.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "store/page_copy.h"
#include "system/phase_clock.h"

namespace pagestore {

Status PageWriter::write(const DirtyRange& dirty) {
  if (dirty.kind == DirtyRange::Kind::unmapped) return Status::ok();
  if (dirty.kind == DirtyRange::Kind::absent) return write_missing(dirty.range, {});
  if (dirty.kind != DirtyRange::Kind::written) return write_untracked(dirty);
  for (VirtualPage page = dirty.range.start / page_size(); page < dirty.range.end / page_size(); ++page) {
    Child child;
    Status status = target_pages_.page_at(page, &child);
    if (status.is_ok()) status = write_page(page, child);
    if (!status.is_ok()) return status;
  }
  return Status::ok();
}

Status PageWriter::write_untracked(const DirtyRange& dirty) {
  if (Status status = tracker_.find_existing(dirty, untouched_, &runs_); !status.is_ok()) return status;
  for (const auto& [run, is_in_file] : runs_) {
    for (uint64_t at = run.start; at < run.end; at += kMost * page_size()) {
      const uint64_t end = std::min(run.end, at + kMost * page_size());
      Status status = write_different(at / page_size(), end / page_size(), is_in_file);
      if (!status.is_ok()) return status;
    }
  }
  return write_missing(dirty.range, {runs_.data(), runs_.size()});
}

// Pages that do not exist yet: outside of `existing`.
Status PageWriter::write_missing(const AddressRange& range, std::span<const PageRun> existing) {
  const VirtualPage first = range.start / page_size(), last = range.end / page_size() - 1;
  return PageTables(stores_).differences({}, target_, first, last, [&](VirtualPage page, Child, Child child) {
    if (contains(existing, page * page_size())) return Status::ok();
    Status status = tracker_.check_write(page, false);
    return status.is_ok() ? write_page(page, child) : status;
  });
}

Status PageWriter::write_differences(const PageTree& from, const RegionList& regions, const RangeSet& left_out) {
  RegionReader reader(regions.bytes());
  Region region{};
  return PageTables(stores_).differences(from, target_, 0, UINT64_MAX, [&](VirtualPage page, Child, Child child) {
    const uint64_t address = page * page_size();
    while (region.end <= address && reader.next(&region)) continue;
    const AddressRange here{address, address + page_size()};
    if (!left_out.empty() && !left_out.overlapping(here).empty()) return Status::ok();
    // That was compared.
    if (!tracker_.of_others().empty() && !tracker_.of_others().overlapping(here).empty()) return Status::ok();
    // Below a stack nothing need be zero, and a write there would make it grow.
    const bool is_mapped = region.start <= address && address < region.end;
    return is_mapped || child != Child::absent ? write_page(page, child) : Status::ok();
  });
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

Status PageWriter::write_different(VirtualPage first, VirtualPage end, bool is_in_file) {
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
  if (Status status = read({numbers, count}, is_in_file, pages, reached); !status.is_ok()) return status;
  for (size_t i = 0; i < count; ++i) {
    Child wanted;
    if (Status status = target_pages_.page_at(numbers[i], &wanted); !status.is_ok()) return status;
    const AddressRange here{numbers[i] * page_size(), (numbers[i] + 1) * page_size()};
    const bool may_vanish = wanted != Child::absent && !process_.freed().overlapping(here).empty();
    if (reached[i] && !may_vanish && pages_equal(pages[i], bytes_of(wanted), page_size())) continue;
    Status status = tracker_.check_write(numbers[i], !is_in_file);
    if (status.is_ok()) status = write_page(numbers[i], wanted);
    if (!status.is_ok()) return status;
  }
  return Status::ok();
}

Status PageWriter::read(std::span<const VirtualPage> numbers, bool is_in_file, std::byte* const* pages,
                        bool* reached) const {
  if (!is_in_file) return remote_.read(numbers, pages, reached);
  for (size_t i = 0; i < numbers.size(); ++i)
    reached[i] = untouched_.read_from_file(numbers[i] * page_size(), pages[i]);
  return Status::ok();
}

}  // namespace pagestore

#include "system/address_range.h"

#include <algorithm>

#include "system/assert.h"

namespace pagestore {

Status range_of(uint64_t address, uint64_t length, AddressRange* range) {
  if (length == 0 || address + length < address) return Status::refused(Error::address, address, length);
  *range = {address, address + length};
  return Status::ok();
}

Status RangeSet::add(const AddressRange& range) {
  PS_ASSERT(range.start <= range.end);
  // Room first: what follows cannot fail.
  if (!ranges_.reserve(ranges_.size() + 1)) return Status::no_memory((ranges_.size() + 1) * sizeof(AddressRange));
  AddressRange merged = range;
  const auto* first = std::lower_bound(ranges_.begin(), ranges_.end(), range.start,
                                       [](const AddressRange& each, uint64_t start) { return each.end < start; });
  const auto from = static_cast<size_t>(first - ranges_.begin());
  size_t to = from;
  for (; to < ranges_.size() && ranges_[to].start <= range.end; ++to) {
    merged.start = std::min(merged.start, ranges_[to].start);
    merged.end = std::max(merged.end, ranges_[to].end);
  }
  if (to == from) {
    static_cast<void>(ranges_.append(merged));
    std::rotate(ranges_.begin() + from, ranges_.end() - 1, ranges_.end());
  } else {
    ranges_[from] = merged;
    ranges_.erase(from + 1, to - from - 1);
  }
  return Status::ok();
}

// One by one, ranges in falling order would move all others each time.
Status RangeSet::add_all(std::span<const AddressRange> ranges) {
  const size_t most = ranges_.size() + ranges.size();
  if (!ranges_.reserve(most)) return Status::no_memory(most * sizeof(AddressRange));
  const auto starts_first = [](const AddressRange& a, const AddressRange& b) { return a.start < b.start; };
  const size_t before = ranges_.size();
  static_cast<void>(ranges_.append(ranges));
  AddressRange* const end = ranges_.end();
  if (!std::is_sorted(ranges_.begin() + before, end, starts_first)) {
    std::sort(ranges_.begin() + before, end, starts_first);
  }
  std::inplace_merge(ranges_.begin(), ranges_.begin() + before, end, starts_first);
  size_t merged = 0;  // so many are sorted and merged, the last of them perhaps not wholly
  for (const AddressRange& each : std::span(ranges_.begin(), most)) {
    if (merged > 0 && each.start <= ranges_[merged - 1].end) {
      ranges_[merged - 1].end = std::max(ranges_[merged - 1].end, each.end);
    } else {
      ranges_[merged++] = each;
    }
  }
  ranges_.erase(merged, most - merged);
  return Status::ok();
}

bool RangeSet::covers(const AddressRange& range) const {
  const auto here = overlapping(range);
  return range.length() == 0 || (here.size() == 1 && here[0].start <= range.start && here[0].end >= range.end);
}

std::span<const AddressRange> RangeSet::overlapping(const AddressRange& range) const {
  const auto* from = std::lower_bound(ranges_.begin(), ranges_.end(), range.start,
                                      [](const AddressRange& each, uint64_t start) { return each.end <= start; });
  const auto* to = from;
  while (to != ranges_.end() && to->start < range.end) ++to;
  return {from, to};
}

// Each end of a range toggles whether an address is inside; two ends at one address toggle nothing.
bool append_symmetric_difference(const RangeSet& a, const RangeSet& b, GrowingArray<AddressRange>* ranges) {
  // The common case, and cheap to find.
  const bool is_same =
      a.ranges().size() == b.ranges().size() && std::equal(a.ranges().begin(), a.ranges().end(), b.ranges().begin());
  if (is_same) return true;
  GrowingArray<uint64_t> ends;
  for (const RangeSet* set : {&a, &b}) {
    for (const AddressRange& range : set->ranges()) {
      if (!ends.append(range.start) || !ends.append(range.end)) return false;
    }
  }
  std::sort(ends.begin(), ends.end());
  for (size_t i = 0; i + 1 < ends.size(); i += 2) {
    if (ends[i] != ends[i + 1] && !ranges->append({ends[i], ends[i + 1]})) return false;
  }
  return true;
}

}  // namespace pagestore

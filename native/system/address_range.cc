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
  size_t from = 0;
  while (from < ranges_.size() && ranges_[from].end < range.start) ++from;
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

std::span<const AddressRange> RangeSet::overlapping(const AddressRange& range) const {
  const auto* from = std::lower_bound(ranges_.begin(), ranges_.end(), range.start,
                                      [](const AddressRange& each, uint64_t start) { return each.end <= start; });
  const auto* to = from;
  while (to != ranges_.end() && to->start < range.end) ++to;
  return {from, to};
}

// Each end of a range toggles whether an address is inside; two ends at one address toggle nothing.
bool append_symmetric_difference(const RangeSet& a, const RangeSet& b, GrowingArray<AddressRange>* ranges) {
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

// Ranges of addresses of a memory, and sets of them.
//
// Every floor uses them, so an address here is a plain number: of our own process, of another one, or an offset in a
// memory. A set keeps its ranges sorted and merged, so equal sets of addresses are equal lists. It leaves to its
// caller: to make ranges of foreign numbers by `range_of` alone, which refuses what is no range.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "system/growing_array.h"
#include "system/status.h"

namespace pagestore {

// From `start` to just before `end`; `end` is never below `start`.
struct AddressRange {
  uint64_t start;
  uint64_t end;

  uint64_t length() const { return end - start; }
  bool operator==(const AddressRange&) const = default;
};

// Whether they share bytes.
inline bool overlap(const AddressRange& a, const AddressRange& b) {
  return a.start < b.end && b.start < a.end;
}
// The smallest range that contains both; an empty one counts for nothing.
inline AddressRange around(const AddressRange& a, const AddressRange& b) {
  if (a.length() == 0 || b.length() == 0) return a.length() == 0 ? b : a;
  return {std::min(a.start, b.start), std::max(a.end, b.end)};
}
// `length` bytes from `start` on, up to the last address there is.
inline AddressRange as_far_as_it_goes(uint64_t start, uint64_t length) {
  return {start, length > UINT64_MAX - start ? UINT64_MAX : start + length};
}

// The range of `length` bytes from `address` on. Refused when it is empty or wraps around.
Status range_of(uint64_t address, uint64_t length, AddressRange* range);

// Ranges in rising order that neither overlap nor touch.
class RangeSet {
 public:
  // Merges it with those that it overlaps or touches. On failure nothing has changed.
  Status add(const AddressRange& range);
  // The same for many, in any order.
  Status add_all(std::span<const AddressRange> ranges);

  std::span<const AddressRange> ranges() const { return {ranges_.data(), ranges_.size()}; }
  bool empty() const { return ranges_.empty(); }
  void clear() { ranges_.clear(); }

  // The ranges that share bytes with `range`.
  std::span<const AddressRange> overlapping(const AddressRange& range) const;
  // Whether all of `range` is in the set, however many ranges of the set that takes; true of an empty one.
  bool covers(const AddressRange& range) const;

 private:
  GrowingArray<AddressRange> ranges_;
};

// The addresses that lie in one of the two sets and not in the other, in rising order. False when there is no memory.
bool append_symmetric_difference(const RangeSet& a, const RangeSet& b, GrowingArray<AddressRange>* ranges);

}  // namespace pagestore

// Tracked ranges: bytes that alone make the state of a memory. Its owner names some, and a program that is captured
// declares others, which roll back with it.
//
// What is not captured is never read as zero: a range is refused unless regions that snapshots take cover all of it. To
// find that out takes no look at pages, so a range costs nothing for being long. One exception: a program that is about
// to end may have unmapped what it declared. A range of which nothing is mapped any more then counts as one of no
// bytes.
#pragma once

#include "system/address_range.h"
#include "system/region.h"

namespace pagestore {

// The ranges of one snapshot, beside those of the memory; and what they are to lie in.
struct Recognition {
  std::span<const AddressRange> ignored = {};  // in any order
  std::span<const AddressRange> tracked = {};
  std::span<const std::byte> regions = {};  // as the bytes of a list
  bool is_at_end = false;                   // the program is about to end
};

class TrackedRanges {
 public:
  // From the next snapshot on, and in the order of the calls.
  Status add(const AddressRange& range);
  bool empty() const { return own_.empty(); }

  // All ranges of a snapshot, in order. They live until the next call.
  Status find(const Recognition& recognition, std::span<const AddressRange>* ranges);

 private:
  bool is_checked(const Recognition& recognition) const;
  Status check(const Recognition& recognition);

  GrowingArray<AddressRange> own_, all_;
  // What was checked last, and found to be captured: regions and ranges are the same most of the time.
  GrowingArray<std::byte> checked_regions_;
  GrowingArray<AddressRange> checked_;
  RangeSet known_;  // what was captured as state at some time
};

}  // namespace pagestore

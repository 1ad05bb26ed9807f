// Bytes of a file that may have changed, as few ranges: a program that writes a header and adds to the end touches two
// places, and what lies between need not be read again.
//
// It promises to have all bytes that were added, and maybe more: where there would be too many ranges, two that lie
// close together become one with all between them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "system/address_range.h"

namespace pagestore {

class FileRanges {
 public:
  static constexpr size_t kMost = 4;
  static constexpr uint64_t kEnd = UINT64_MAX;  // however long the file is, or becomes

  bool empty() const { return count_ == 0; }
  void clear() { count_ = 0; }
  // In rising order; they neither overlap nor touch.
  std::span<const AddressRange> all() const { return {ranges_, count_}; }
  // kEnd if there is none.
  uint64_t lowest() const { return count_ == 0 ? kEnd : ranges_[0].start; }

  void add(uint64_t start, uint64_t end) {
    if (start >= end) return;
    AddressRange added{start, end};
    AddressRange merged[kMost + 1];
    size_t count = 0;
    for (const AddressRange& each : all()) {
      const bool touches = each.start <= added.end && added.start <= each.end;
      if (touches) {
        added = around(added, each);
      } else {
        merged[count++] = each;
      }
    }
    const auto* const at =
        std::find_if(merged, merged + count, [&](const auto& each) { return each.start > added.end; });
    const auto index = static_cast<size_t>(at - merged);
    std::copy_backward(merged + index, merged + count, merged + count + 1);
    merged[index] = added;
    if (++count > kMost) join_nearest(merged, count--);
    std::copy(merged, merged + count, ranges_);
    count_ = count;
  }
  // What of the others lies from a byte of the file on.
  void add_from(uint64_t start, const FileRanges& others) {
    for (const AddressRange& each : others.all()) add(std::max(start, each.start), each.end);
  }

 private:
  static void join_nearest(AddressRange* ranges, size_t count) {
    size_t nearest = 0;
    for (size_t i = 1; i + 1 < count; ++i) {
      if (ranges[i + 1].start - ranges[i].end < ranges[nearest + 1].start - ranges[nearest].end) nearest = i;
    }
    ranges[nearest].end = ranges[nearest + 1].end;
    std::copy(ranges + nearest + 2, ranges + count, ranges + nearest + 1);
  }

  AddressRange ranges_[kMost] = {};
  size_t count_ = 0;
};

}  // namespace pagestore

#include "snapshot/tracked_ranges.h"

#include <cstring>

namespace pagestore {

namespace {

Status find_captured(std::span<const std::byte> regions, RangeSet* captured) {
  RegionReader reader(regions);
  Region region;
  while (reader.next(&region)) {
    if (!region.is_captured || region.start == region.end) continue;
    if (Status status = captured->add({region.start, region.end}); !status.is_ok()) return status;
  }
  return Status::ok();
}

bool is_mapped_in_part(std::span<const std::byte> regions, const AddressRange& range) {
  RegionReader reader(regions);
  Region region;
  while (reader.next(&region)) {
    if (region.start < range.end && range.start < region.end) return true;
  }
  return false;
}

}  // namespace

Status TrackedRanges::add(const AddressRange& range) {
  if (own_.append(range)) return Status::ok();
  return Status::no_memory((own_.size() + 1) * sizeof(AddressRange));
}

Status TrackedRanges::find(const Recognition& recognition, std::span<const AddressRange>* ranges) {
  all_.clear();
  if (!all_.append(std::span(own_.data(), own_.size())) || !all_.append(recognition.tracked)) {
    return Status::no_memory((own_.size() + recognition.tracked.size()) * sizeof(AddressRange));
  }
  *ranges = {all_.data(), all_.size()};
  return all_.empty() || is_checked(recognition) ? Status::ok() : check(recognition);
}

bool TrackedRanges::is_checked(const Recognition& recognition) const {
  return all_.size() == checked_.size() &&
         memcmp(all_.data(), checked_.data(), all_.size() * sizeof(AddressRange)) == 0 &&
         equal_bytes(recognition.regions, {checked_regions_.data(), checked_regions_.size()});
}

Status TrackedRanges::check(const Recognition& recognition) {
  RangeSet captured;
  if (Status status = find_captured(recognition.regions, &captured); !status.is_ok()) return status;
  bool is_whole = true;
  for (AddressRange& range : all_) {
    if (captured.covers(range)) continue;
    const bool is_unmapped =
        recognition.is_at_end && known_.covers(range) && !is_mapped_in_part(recognition.regions, range);
    if (!is_unmapped) return Status::not_captured(range.start, range.length());
    range.end = range.start;
    is_whole = false;
  }
  if (!is_whole) return Status::ok();
  checked_.clear();
  checked_regions_.clear();
  if (!checked_.append(std::span(all_.data(), all_.size())) || !checked_regions_.append(recognition.regions)) {
    return Status::no_memory(recognition.regions.size());
  }
  return known_.add_all({all_.data(), all_.size()});
}

}  // namespace pagestore

#include "memory/tracee/contexts/known_stacks.h"

#include <algorithm>

namespace pagestore {

namespace {

bool is_before(const PagePointer& a, const PagePointer& b) {
  return a.stack != b.stack ? a.stack < b.stack : a.virtual_page < b.virtual_page;
}

}  // namespace

// The last that starts at or below it.
const AddressRange* KnownStacks::find_last(uint64_t address) const {
  const AddressRange* const next = std::upper_bound(
      all_.begin(), all_.end(), address, [](uint64_t at, const AddressRange& range) { return at < range.start; });
  return next != all_.begin() ? next - 1 : nullptr;
}

const AddressRange* KnownStacks::find_around(const AddressRange& range) const {
  const AddressRange* const found = find_last(range.start);
  return found != nullptr && range.end <= found->end ? found : nullptr;
}

bool KnownStacks::add(const AddressRange& stack, AddressRange* added) {
  AddressRange whole = stack;
  if (!all_.reserve(all_.size() + 1)) return false;
  for (size_t i = all_.size(); i-- > 0;) {
    if (!overlap(all_[i], whole)) continue;
    whole = around(all_[i], whole);
    all_.erase(i, 1);
  }
  const auto index =
      static_cast<size_t>(std::lower_bound(all_.begin(), all_.end(), whole.start,
                                           [](const AddressRange& range, uint64_t at) { return range.start < at; }) -
                          all_.begin());
  if (!all_.append(whole)) return false;
  std::rotate(all_.begin() + index, all_.end() - 1, all_.end());
  summarize();
  *added = whole;
  return true;
}

void KnownStacks::clear() {
  all_.clear();
  summarize();
}

void KnownStacks::summarize() {
  low_ = all_.empty() ? 0 : all_[0].start;
  length_ = all_.empty() ? 0 : all_[all_.size() - 1].end - low_;
  upper_count_ = 0;
  for (const AddressRange& each : all_) {
    for (uint64_t upper = each.start >> 32; upper <= (each.end - 1) >> 32; ++upper) {
      if (upper_count_ > 0 && uppers_[upper_count_ - 1] == upper) continue;
      if (upper_count_ == kMostUppers) {
        upper_count_ = 0;
        return;
      }
      uppers_[upper_count_++] = static_cast<uint32_t>(upper);
    }
  }
}

bool PointersIntoStacks::set(VirtualPage page, std::span<const StackPointer> pointers) {
  for (const StackPointer& each : pointers) {
    const PagePointer wanted{each.stack, page, each.lowest};
    auto* const found = std::lower_bound(all_.begin(), all_.end(), wanted, is_before);
    if (found != all_.end() && !is_before(wanted, *found))
      *found = wanted;
    else if (!added_.append(wanted))
      return false;
  }
  return true;
}

bool PointersIntoStacks::settle() {
  if (added_.empty()) return true;
  const auto before = static_cast<std::ptrdiff_t>(all_.size());
  if (!all_.append(std::span<const PagePointer>(added_.data(), added_.size()))) return false;
  added_.clear();
  std::sort(all_.begin() + before, all_.end(), is_before);
  std::inplace_merge(all_.begin(), all_.begin() + before, all_.end(), is_before);
  return true;
}

std::span<const PagePointer> PointersIntoStacks::of(uint64_t stack) const {
  const PagePointer low{stack, 0, 0}, high{stack, UINT64_MAX, 0};
  const PagePointer* const first = std::lower_bound(all_.begin(), all_.end(), low, is_before);
  const PagePointer* const end = std::lower_bound(first, all_.end(), high, is_before);
  return {first, static_cast<size_t>(end - first)};
}

void PointersIntoStacks::remove_overlapping(const AddressRange& stack) {
  const auto is_of_it = [&](const PagePointer& each) { return stack.start <= each.stack && each.stack < stack.end; };
  const PagePointer* const end = std::remove_if(all_.begin(), all_.end(), is_of_it);
  all_.erase(static_cast<size_t>(end - all_.begin()), static_cast<size_t>(all_.end() - end));
}

}  // namespace pagestore

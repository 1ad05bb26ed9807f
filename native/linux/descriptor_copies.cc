#include "linux/descriptor_copies.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <span>
#include <utility>

namespace pagestore {

DescriptorCopies::~DescriptorCopies() {
  for (size_t i = 0; i < copies_; ++i) {
    if (entries_[i].descriptor >= 0) close(entries_[i].descriptor);
  }
}

Status DescriptorCopies::add(int32_t number, int copy) {
  if (!entries_.append({number, copy, kUnknown, 0})) {
    close(copy);
    return Status::no_memory(sizeof(Entry));
  }
  copies_ = entries_.size();
  return Status::ok();
}

Status DescriptorCopies::add_ours(int descriptor) {
  return entries_.append({-1, descriptor, kUnknown, 0}) ? Status::ok() : Status::no_memory(sizeof(Entry));
}

// Digit by digit, since there are few signals. One that is a mere path (O_PATH) has no such number.
void DescriptorCopies::find_files() {
  constexpr uint32_t kSignals = 64;
  for (Entry& each : entries_) {
    each.signal = fcntl(each.descriptor, F_GETSIG);
    each.file = each.signal < 0 ? kUnknown : 0;
  }
  for (uint64_t scale = 1; scale == 1 || scale < entries_.size(); scale *= kSignals) {
    for (size_t i = 0; i < entries_.size(); ++i) {
      if (entries_[i].file != kUnknown)
        fcntl(entries_[i].descriptor, F_SETSIG, static_cast<int>(i / scale % kSignals) + 1);
    }
    for (Entry& each : entries_) {
      const int digit = each.file != kUnknown ? fcntl(each.descriptor, F_GETSIG) - 1 : -1;
      each.file = digit < 0 ? kUnknown : each.file + static_cast<uint32_t>(digit * static_cast<int64_t>(scale));
    }
  }
  for (const Entry& each : entries_) {
    if (each.signal >= 0) fcntl(each.descriptor, F_SETSIG, each.signal);
  }
}

const DescriptorCopies::Entry* DescriptorCopies::find(int32_t number) const {
  const std::span<const Entry> copies(entries_.data(), copies_);
  const auto at = std::lower_bound(copies.begin(), copies.end(), number,
                                   [](const Entry& each, int32_t wanted) { return each.number < wanted; });
  return at != copies.end() && at->number == number ? &*at : nullptr;
}

Sameness DescriptorCopies::compare(int32_t a, int32_t b) const {
  const Entry *first = find(a), *second = find(b);
  if (first == nullptr || second == nullptr || first->file == kUnknown || second->file == kUnknown) {
    return Sameness::unknown;
  }
  return first->file == second->file ? Sameness::same : Sameness::different;
}

Sameness DescriptorCopies::compare_with_ours(int32_t number, int descriptor) const {
  const Entry* copy = find(number);
  const auto ours = std::find_if(entries_.begin() + copies_, entries_.end(),
                                 [&](const Entry& each) { return each.descriptor == descriptor; });
  if (copy == nullptr || ours == entries_.end() || copy->file == kUnknown || ours->file == kUnknown) {
    return Sameness::unknown;
  }
  return copy->file == ours->file ? Sameness::same : Sameness::different;
}

int DescriptorCopies::order(int32_t a, int32_t b) const {
  const Entry *first = find(a), *second = find(b);
  if (first == nullptr || second == nullptr || first->file == second->file) return 0;
  return first->file < second->file ? -1 : 1;
}

int DescriptorCopies::take(int32_t number) {
  auto* copy = const_cast<Entry*>(find(number));
  return copy == nullptr ? -1 : std::exchange(copy->descriptor, -1);
}

}  // namespace pagestore

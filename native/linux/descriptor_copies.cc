#include "linux/descriptor_copies.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <span>
#include <tuple>
#include <utility>

#include "system/old_glibc.h"

namespace pagestore {

DescriptorCopies::~DescriptorCopies() {
  for (size_t i = 0; i < copies_; ++i) {
    if (entries_[i].descriptor >= 0) close(entries_[i].descriptor);
  }
}

Status DescriptorCopies::add(int32_t number, int copy) {
  if (!entries_.append({number, copy, 0, false})) {
    close(copy);
    return Status::no_memory(sizeof(Entry));
  }
  copies_ = entries_.size();
  return Status::ok();
}

Status DescriptorCopies::add_ours(int descriptor) {
  return entries_.append({-1, descriptor, 0, false}) ? Status::ok() : Status::no_memory(sizeof(Entry));
}

// Among those of one inode each is compared with the first of each file. What else an open file has may change
// meanwhile: others may have it, too.
Status DescriptorCopies::find_files() {
  struct Trait {
    uint64_t device, inode;
    uint32_t entry;
  };
  GrowingArray<Trait> traits;
  GrowingArray<uint32_t> first;
  if (!traits.resize(entries_.size())) return Status::no_memory(entries_.size() * sizeof(Trait));
  for (uint32_t i = 0; i < traits.size(); ++i) {
    struct stat status {};
    read_file_status(entries_[i].descriptor, &status);
    traits[i] = {status.st_dev, status.st_ino, i};
  }
  MarkingTurn turn;
  const auto key = [](const Trait& each) { return std::tie(each.device, each.inode); };
  std::sort(traits.begin(), traits.end(), [&](const Trait& a, const Trait& b) { return key(a) < key(b); });
  for (size_t i = 0; i < traits.size(); ++i) {
    Entry& entry = entries_[traits[i].entry];
    if (i > 0 && key(traits[i - 1]) < key(traits[i])) first.clear();
    Sameness sameness = Sameness::different;
    for (const uint32_t each : first) {
      sameness = compare_descriptors(entries_[each].descriptor, entry.descriptor, &turn);
      if (sameness == Sameness::different) continue;
      entry.file = each;
      entry.is_certain = sameness == Sameness::same;
      break;
    }
    if (sameness != Sameness::different) continue;
    entry.file = traits[i].entry;
    entry.is_certain = true;
    if (!first.append(traits[i].entry)) return Status::no_memory(sizeof(uint32_t));
  }
  return Status::ok();
}

const DescriptorCopies::Entry* DescriptorCopies::find(int32_t number) const {
  const std::span<const Entry> copies(entries_.data(), copies_);
  const auto at = std::lower_bound(copies.begin(), copies.end(), number,
                                   [](const Entry& each, int32_t wanted) { return each.number < wanted; });
  return at != copies.end() && at->number == number ? &*at : nullptr;
}

Sameness DescriptorCopies::compare(int32_t a, int32_t b) const {
  const Entry *first = find(a), *second = find(b);
  if (first == nullptr || second == nullptr || !first->is_certain || !second->is_certain) return Sameness::unknown;
  return first->file == second->file ? Sameness::same : Sameness::different;
}

Sameness DescriptorCopies::compare_with_ours(int32_t number, int descriptor) const {
  const Entry* copy = find(number);
  const auto ours = std::find_if(entries_.begin() + copies_, entries_.end(),
                                 [&](const Entry& each) { return each.descriptor == descriptor; });
  if (copy == nullptr || ours == entries_.end() || !copy->is_certain || !ours->is_certain) return Sameness::unknown;
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

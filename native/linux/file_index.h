// Finds a file in a list by its device and inode, however long the list is.
//
// It maps each of them to its number in the list. A number may be out of date, when the list has changed without a
// word: who asks looks whether the file is there. So nothing is ever taken out.
#pragma once

#include <cstdint>
#include <utility>

#include "system/growing_array.h"

namespace pagestore {

class FileIndex {
 public:
  static constexpr uint32_t kNowhere = UINT32_MAX;

  // The number that was put last for that file.
  uint32_t find(uint64_t device, uint64_t inode) const {
    if (slots_.empty()) return kNowhere;
    const Slot& slot = slots_[slot_of(device, inode)];
    return slot.number;
  }

  // False when there is no memory, which takes a file that was never put: then nothing has changed.
  [[nodiscard]] bool put(uint64_t device, uint64_t inode, size_t number) {
    const bool is_new = find(device, inode) == kNowhere;
    if (is_new && 2 * (used_ + 1) > slots_.size() && !grow()) return false;
    used_ += is_new ? 1 : 0;
    slots_[slot_of(device, inode)] = {device, inode, static_cast<uint32_t>(number)};
    return true;
  }

 private:
  struct Slot {
    uint64_t device, inode;
    uint32_t number;
  };

  // Where the file is, or a free slot; there always is one.
  size_t slot_of(uint64_t device, uint64_t inode) const {
    const size_t mask = slots_.size() - 1;
    uint64_t mixed = (inode ^ device * 0x9e37'79b9'7f4a'7c15) * 0x9e37'79b9'7f4a'7c15;
    size_t at = (mixed >> 32) & mask;
    while (slots_[at].number != kNowhere && (slots_[at].inode != inode || slots_[at].device != device)) {
      at = (at + 1) & mask;
    }
    return at;
  }

  bool grow() {
    constexpr size_t kLeast = 16;
    FileIndex larger;
    const size_t size = slots_.empty() ? kLeast : 2 * slots_.size();
    if (!larger.slots_.resize(size)) return false;
    for (Slot& each : larger.slots_) each = {0, 0, kNowhere};
    for (const Slot& each : slots_) {
      if (each.number != kNowhere) larger.slots_[larger.slot_of(each.device, each.inode)] = each;
    }
    std::swap(slots_, larger.slots_);
    return true;
  }

  GrowingArray<Slot> slots_;  // a power of two
  size_t used_ = 0;
};

}  // namespace pagestore

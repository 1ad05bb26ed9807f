// Handles: the numbers by which JavaScript names what the addon owns. Each is checked at every call and never used
// twice, so that no number that JavaScript could pass is an address.
//
// A handle is the number of a slot and how often that slot was used: an old handle names nothing, whatever is in its
// slot by now. A table belongs to one environment and is used by its thread alone.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <utility>

#include "system/non_copyable.h"

namespace pagestore::binding {

// A slot, and how often the slot was used.
class Handle {
 public:
  static constexpr unsigned kSlotBits = 24;
  static constexpr uint32_t kMostSlots = 1u << kSlotBits;
  static constexpr uint32_t kMostUses = 1u << 29;  // together within what a double holds exactly

  Handle(uint32_t slot, uint32_t use) : number_((uint64_t{use} << kSlotBits) | slot) {}
  static Handle none() { return Handle(-1.0); }
  // Of any number; one that is no handle names nothing.
  explicit Handle(double number) : number_(number >= 0 && number < 9e15 ? static_cast<uint64_t>(number) : UINT64_MAX) {}

  uint32_t slot() const { return static_cast<uint32_t>(number_ % kMostSlots); }
  uint64_t use() const { return number_ >> kSlotBits; }
  bool operator==(const Handle&) const = default;
  double number() const { return static_cast<double>(number_); }

 private:
  uint64_t number_;
};

// Keeps pointers. Whoever adds an object owns it again when they take it out.
template <typename T>
class Handles : NonCopyable {
 public:
  ~Handles() { free(slots_); }

  // False when there is no memory for the slot.
  bool add(T* object, Handle* handle) {
    if (free_ == count_ && !grow()) return false;
    Slot& slot = slots_[free_];
    slot.use = (slot.use + 1) % Handle::kMostUses;
    *handle = Handle(free_, slot.use);
    free_ = slot.next_free;
    slot.object = object;
    return true;
  }

  // Null when the handle names nothing.
  T* get(Handle handle) const {
    const uint32_t slot = handle.slot();
    return slot < count_ && slots_[slot].use == handle.use() ? slots_[slot].object : nullptr;
  }

  // Takes the object out; null when the handle names nothing.
  T* take(Handle handle) {
    T* object = get(handle);
    if (object == nullptr) return nullptr;
    Slot& slot = slots_[handle.slot()];
    slot.object = nullptr;
    slot.next_free = free_;
    free_ = handle.slot();
    return object;
  }

  // `visit` may take out the object that it is given.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (uint32_t slot = 0; slot < count_; ++slot) {
      if (slots_[slot].object != nullptr) visit(slots_[slot].object, Handle(slot, slots_[slot].use));
    }
  }

 private:
  struct Slot {
    T* object;
    uint32_t use;
    uint32_t next_free;
  };

  bool grow() {
    const uint32_t count = count_ == 0 ? 16 : count_ * 2;
    if (count > Handle::kMostSlots) return false;
    auto* slots = static_cast<Slot*>(realloc(slots_, count * sizeof(Slot)));
    if (slots == nullptr) return false;
    for (uint32_t i = count_; i < count; ++i) slots[i] = {nullptr, 0, i + 1};
    slots_ = slots;
    count_ = count;
    return true;
  }

  Slot* slots_ = nullptr;
  uint32_t count_ = 0;
  uint32_t free_ = 0;  // first of the free slots; `count_` when there is none
};

}  // namespace pagestore::binding

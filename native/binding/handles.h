// What JavaScript holds, named by numbers that are checked on every call and never used twice.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <utility>

namespace pagestore::binding {

// Nothing that JavaScript can pass is an address: a handle is a slot and how often it was used.
class Handle {
 public:
  static constexpr unsigned kSlotBits = 24;
  static constexpr uint32_t kMostSlots = 1u << kSlotBits;
  static constexpr uint32_t kMostUses = 1u << 29;  // together within what a double holds exactly

  Handle(uint32_t slot, uint32_t use) : number_((uint64_t{use} << kSlotBits) | slot) {}
  static Handle none() { return Handle(-1.0); }
  // Any number at all; one that is no handle names nothing.
  explicit Handle(double number) : number_(number >= 0 && number < 9e15 ? static_cast<uint64_t>(number) : UINT64_MAX) {}

  uint32_t slot() const { return static_cast<uint32_t>(number_ % kMostSlots); }
  uint64_t use() const { return number_ >> kSlotBits; }
  double number() const { return static_cast<double>(number_); }

 private:
  uint64_t number_;
};

// Owns by pointer; who takes one out ends it.
template <typename T>
class Handles {
 public:
  Handles() = default;
  Handles(const Handles&) = delete;
  Handles& operator=(const Handles&) = delete;
  ~Handles() { free(slots_); }

  // False when there is no memory to remember it.
  bool add(T* held, Handle* handle) {
    if (free_ == count_ && !grow()) return false;
    Slot& slot = slots_[free_];
    slot.use = (slot.use + 1) % Handle::kMostUses;
    *handle = Handle(free_, slot.use);
    free_ = slot.next_free;
    slot.held = held;
    return true;
  }

  // Null when nothing has that handle.
  T* get(Handle handle) const {
    const uint32_t slot = handle.slot();
    return slot < count_ && slots_[slot].use == handle.use() ? slots_[slot].held : nullptr;
  }

  // Takes it out; null when nothing has that handle.
  T* take(Handle handle) {
    T* held = get(handle);
    if (held == nullptr) return nullptr;
    Slot& slot = slots_[handle.slot()];
    slot.held = nullptr;
    slot.next_free = free_;
    free_ = handle.slot();
    return held;
  }

  // `visit` may take out what it is shown.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (uint32_t slot = 0; slot < count_; ++slot) {
      if (slots_[slot].held != nullptr) visit(slots_[slot].held, Handle(slot, slots_[slot].use));
    }
  }

 private:
  struct Slot {
    T* held;
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

// The stacks that saved contexts are sought of, and which pages have words that point into them.
//
// All is found by address: a stack by its start, the pointers of a stack in one run. So what a thread costs does not
// depend on how many others there are.
#pragma once

#include <span>

#include "snapshot/page_tree.h"
#include "system/address_range.h"
#include "system/growing_array.h"
#include "system/region.h"

namespace pagestore {

// Ranges that do not overlap, in rising order.
class KnownStacks {
 public:
  // The one around this range, or the address; null where there is none.
  const AddressRange* find_around(const AddressRange& range) const;
  const AddressRange* find(uint64_t address) const {
    if (address - low_ >= length_) return nullptr;
    const AddressRange* const found = find_last(address);
    return found != nullptr && address < found->end ? found : nullptr;
  }
  // With those that it overlaps it becomes one: `added`. False when there is no memory.
  [[nodiscard]] bool add(const AddressRange& stack, AddressRange* added);
  void clear();
  std::span<const AddressRange> all() const { return {all_.data(), all_.size()}; }
  AddressRange whole() const { return {low_, low_ + length_}; }

  // The upper halves of all addresses in them; none where these are too many to be compared one by one.
  std::span<const uint32_t> upper_halves() const { return {uppers_, upper_count_}; }

 private:
  static constexpr size_t kMostUppers = 4;
  const AddressRange* find_last(uint64_t address) const;
  void summarize();

  GrowingArray<AddressRange> all_;
  uint64_t low_ = 0, length_ = 0;  // around them all
  size_t upper_count_ = 0;
  uint32_t uppers_[kMostUppers]{};
};

// The lowest of the words of a page that point into a stack.
struct StackPointer {
  uint64_t stack, lowest;
};
struct PagePointer {
  uint64_t stack;
  VirtualPage virtual_page;
  uint64_t lowest;
};

// It may name a page of which the words have changed since: then more is searched than needs to be.
class PointersIntoStacks {
 public:
  // What a page has now. False when there is no memory. What is new is found from `settle` on.
  [[nodiscard]] bool set(VirtualPage page, std::span<const StackPointer> pointers);
  [[nodiscard]] bool settle();
  // Of the stack that starts there, by their pages.
  std::span<const PagePointer> of(uint64_t stack) const;
  void remove_overlapping(const AddressRange& stack);
  void clear() {
    all_.clear();
    added_.clear();
  }

 private:
  GrowingArray<PagePointer> all_, added_;
};

}  // namespace pagestore

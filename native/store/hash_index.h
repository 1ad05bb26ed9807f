// Finds the page numbers that share a page hash: several, because the hash is fast and not cryptographic.
//
// One flat table of 8-byte slots: 32 bits of the page's hash (its tag) and the page's number. A tag's home is the slot
// tag * slots / 2^32, so homes rise with tags. An entry lies in its home or as near behind it as it can, and neighbours
// stay in the order of their homes (Robin Hood hashing: Celis, Larson, Munro 1985):
//
//   slot      7     8     9     10    11    12    13
//           |     | a   | b   | c   | d   |     | e   |
//   home            8     8     9     11          13
//   distance        0     1     1     0           0
//
// A search for tag x of home 9 starts in slot 9. It ends, without success, at the first slot that is empty or whose
// entry is closer to its home than the search is to x's: x would have been put before it. So a search for what is not
// there ends after a few slots; a table can have any size, and grows by an eighth in one sequential pass; and removing
// moves the entries behind the gap back by one, so no tombstones are left. Removing needs the tag alone: the page is
// never hashed again.
//
// It promises: 8 bytes a slot and no other memory; only `reserve` can fail; with the worst of hash functions it is
// slow, and right. It leaves to its caller: to reserve before anything else, to insert a number once, and to erase what
// is there.
#pragma once

#include <cstddef>
#include <cstdint>

#include "store/page_number.h"
#include "system/assert.h"
#include "system/mapping.h"
#include "system/status.h"

namespace pagestore {

enum class HashTag : uint32_t {};

// The upper half: the better mixed one in most hash functions.
constexpr HashTag hash_tag(uint64_t hash) {
  return HashTag{static_cast<uint32_t>(hash >> 32)};
}

class HashIndex {
 public:
  // The pages that share one tag, one after another. Not to be used after an insert or erase.
  class Matches {
   public:
    bool found() const { return number_ != kNoPage; }
    PageNumber number() const { return number_; }
    void next() {
      step();
      seek();
    }

   private:
    friend class HashIndex;
    Matches(const HashIndex& index, HashTag tag) : index_(index), tag_(tag), slot_(index.home(tag)), distance_(0) {
      seek();
    }
    void step();
    void seek();

    const HashIndex& index_;
    HashTag tag_;
    PageNumber number_ = kNoPage;
    size_t slot_;
    size_t distance_;  // from the tag's home
  };

  // Makes room for `entries` in all. What is in the index stays; on failure nothing has changed.
  Status reserve(size_t entries);

  Matches find(HashTag tag) const {
    PS_ASSERT(slot_count_ > 0);
    return Matches(*this, tag);
  }
  void insert(HashTag tag, PageNumber number);
  void erase(HashTag tag, PageNumber number);

  // Loads a tag's home into the cache, before the tag is looked up.
  void prefetch(HashTag tag) const { __builtin_prefetch(&slots()[home(tag)]); }

  size_t bytes() const { return table_.bytes(); }
  size_t size() const { return size_; }
  bool has(HashTag tag, PageNumber number) const;

  // Whether sizes agree and every run is in the order of its homes. For tests: goes over the whole table.
  bool is_valid() const;

 private:
  struct Slot {
    HashTag tag;
    uint32_t number_plus_one;  // 0: the slot is empty, as fresh memory is

    bool is_empty() const { return number_plus_one == 0; }
  };
  static_assert(sizeof(Slot) == 8);

  Slot* slots() const { return reinterpret_cast<Slot*>(table_.data()); }
  size_t home(HashTag tag) const;
  size_t after(size_t slot) const { return slot + 1 == slot_count_ ? 0 : slot + 1; }
  size_t distance(size_t slot) const;

  Mapping table_;
  size_t slot_count_ = 0;
  size_t room_ = 0;  // entries that fit in all
  size_t size_ = 0;
};

inline size_t HashIndex::home(HashTag tag) const {
  __extension__ using Wide = unsigned __int128;
  return static_cast<size_t>((Wide{static_cast<uint32_t>(tag)} * slot_count_) >> 32);
}

// How far the entry in `slot` lies from its home.
inline size_t HashIndex::distance(size_t slot) const {
  const size_t from = home(slots()[slot].tag);
  return slot >= from ? slot - from : slot + slot_count_ - from;
}

inline void HashIndex::Matches::step() {
  slot_ = index_.after(slot_);
  ++distance_;
}

inline void HashIndex::Matches::seek() {
  for (;; step()) {
    const Slot& slot = index_.slots()[slot_];
    if (!slot.is_empty() && slot.tag == tag_) {
      number_ = page_number(slot.number_plus_one - 1);
      return;
    }
    if (slot.is_empty() || index_.distance(slot_) < distance_) {
      number_ = kNoPage;
      return;
    }
  }
}

}  // namespace pagestore

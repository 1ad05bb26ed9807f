#include "store/hash_index.h"

#include <cerrno>
#include <utility>

namespace pagestore {

namespace {

// A table that is four fifths full: a search for what is not there takes about three slots.
size_t slots_for(size_t entries) {
  return entries + entries / 4 + 2;
}

// Growing by an eighth at a time moves each entry about eight times in all, in order, and keeps the table below 12
// bytes for each page that it has room for.
size_t grown(size_t room) {
  return room + room / 8;
}

}  // namespace

Status HashIndex::reserve(size_t entries) {
  if (entries <= room_) return Status::ok();
  const size_t room = entries > grown(room_) ? entries : grown(room_);
  const size_t bytes = slots_for(room) * sizeof(Slot);

  HashIndex larger;
  larger.table_ = Mapping::anonymous(bytes);
  if (!larger.table_.is_mapped()) return Status::out_of_memory("mmap of the hash index", bytes, errno);
  madvise(larger.table_.data(), larger.table_.bytes(), MADV_HUGEPAGE);  // a hint: it may be refused
  larger.slot_count_ = slots_for(room);
  larger.room_ = room;

  if (slot_count_ > 0) {
    // From an empty slot on, entries come in the order of their homes, so each insert appends to a run.
    size_t start = 0;
    while (!slots()[start].is_empty()) ++start;
    for (size_t slot = after(start); slot != start; slot = after(slot)) {
      const Slot& entry = slots()[slot];
      if (!entry.is_empty()) larger.insert(entry.tag, page_number(entry.number_plus_one - 1));
    }
  }
  *this = std::move(larger);
  return Status::ok();
}

void HashIndex::insert(HashTag tag, PageNumber number) {
  PS_ASSERT(size_ < room_);
  PS_ASSERT(!has(tag, number));
  Slot entry{tag, static_cast<uint32_t>(index_of(number)) + 1};
  size_t slot = home(tag);
  for (size_t away = 0; !slots()[slot].is_empty() && distance(slot) >= away; ++away) {
    slot = after(slot);
  }
  // The entries from here to the next empty slot move on by one.
  for (; !slots()[slot].is_empty(); slot = after(slot)) std::swap(slots()[slot], entry);
  slots()[slot] = entry;
  ++size_;
}

void HashIndex::erase(HashTag tag, PageNumber number) {
  Matches match = find(tag);
  while (match.number() != number) {
    PS_ASSERT(match.found());
    match.next();
  }
  size_t gap = match.slot_;
  for (size_t slot = after(gap); !slots()[slot].is_empty() && distance(slot) > 0; slot = after(slot)) {
    slots()[gap] = slots()[slot];
    gap = slot;
  }
  slots()[gap] = Slot{};
  --size_;
}

bool HashIndex::has(HashTag tag, PageNumber number) const {
  Matches match = find(tag);
  while (match.found() && match.number() != number) match.next();
  return match.found();
}

bool HashIndex::is_valid() const {
  if (slot_count_ == 0) return size_ == 0 && room_ == 0;
  if (slot_count_ != slots_for(room_) || slot_count_ * sizeof(Slot) > table_.bytes()) return false;
  size_t entries = 0;
  for (size_t slot = 0; slot < slot_count_; ++slot) {
    if (slots()[slot].is_empty()) continue;
    ++entries;
    // An entry is in its home, or directly behind one that is at least as far from its own.
    const size_t before = slot == 0 ? slot_count_ - 1 : slot - 1;
    const size_t most = slots()[before].is_empty() ? 0 : distance(before) + 1;
    if (distance(slot) > most) return false;
  }
  return entries == size_ && size_ <= room_ && room_ < slot_count_;
}

}  // namespace pagestore

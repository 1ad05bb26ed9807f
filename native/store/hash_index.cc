#include "store/hash_index.h"

#include <cerrno>
#include <utility>

namespace pagestore {

namespace {

// At four fifths full a search for what is not there looks at about three slots.
size_t slots_for(size_t entries) {
  return entries + entries / 4 + 2;
}

// Growing by an eighth at a time costs each entry some eight moves of 8 bytes in order, and keeps
// the table below 12 bytes for each page it has room for.
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
    // From an empty slot on, entries come in the order of their homes, and each insert appends to a
    // run.
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
  Slot entry{tag, static_cast<uint32_t>(index_of(number)) + 1};
  size_t slot = home(tag);
  for (size_t away = 0; !slots()[slot].is_empty() && distance(slot) >= away; ++away) {
    slot = after(slot);
  }
  // Whoever lies from here to the next gap moves on by one.
  for (; !slots()[slot].is_empty(); slot = after(slot)) std::swap(slots()[slot], entry);
  slots()[slot] = entry;
}

void HashIndex::erase(HashTag tag, PageNumber number) {
  Matches match = find(tag);
  while (match.number() != number) match.next();
  size_t gap = match.slot_;
  for (size_t slot = after(gap); !slots()[slot].is_empty() && distance(slot) > 0; slot = after(slot)) {
    slots()[gap] = slots()[slot];
    gap = slot;
  }
  slots()[gap] = Slot{};
}

}  // namespace pagestore

#include "snapshot/page_table.h"

#include <bit>
#include <cstring>

#include "store/page_copy.h"

namespace pagestore {

namespace {

constexpr unsigned kFewestLevels = 1;

unsigned levels_for(VirtualPage place) {
  const unsigned bits = static_cast<unsigned>(std::bit_width(place));
  const unsigned levels = (bits + kFanOutBits - 1) / kFanOutBits;
  return levels < kFewestLevels ? kFewestLevels : levels;
}

size_t slot_of(VirtualPage place, unsigned level) {
  const unsigned shift = (level - 1) * kFanOutBits;
  return static_cast<size_t>(place >> shift) % kFanOut;
}

constexpr uint64_t bit(size_t slot) {
  return uint64_t{1} << slot;
}

template <typename Table>
bool is_absent(const Table& table) {
  for (const Child child : table) {
    if (child != Child::absent) return false;
  }
  return true;
}

}  // namespace

Status keep_page(PageStore& pages, PageNumber blank, Child* page) {
  *page = Child::absent;
  if (is_zero(pages.blank(blank), page_size())) {
    pages.give_back(&blank, 1);
    return Status::ok();
  }
  PageNumber number;
  Status status = pages.keep_blank(blank, &number);
  if (status.is_ok()) *page = page_child(number);
  return status;
}

PageTables::Table PageTables::read(const Part& part, unsigned level) const {
  Table table{};
  if (part.child == Child::absent) return table;
  if (part.level < level) {
    table[0] = part.child;
  } else {
    memcpy(table.data(), stores_.tables.bytes(number_of(part.child)), kTableBytes);
  }
  return table;
}

PageTables::Part PageTables::child_in(const Part& part, unsigned level, const Table& table, size_t slot) {
  if (part.level < level && slot == 0) return part;
  return {table[slot], level - 1};
}

Status PageTables::edit(const PageTree& from, std::span<const PageChange> changes, PageTree* to, uint64_t* pages) {
  unsigned levels = from.levels < kFewestLevels ? kFewestLevels : from.levels;
  for (const PageChange& change : changes) {
    if (change.page != Child::absent && levels_for(change.place) > levels) levels = levels_for(change.place);
  }
  // A zero page outside of the tree is one already.
  while (!changes.empty() && levels_for(changes.back().place) > levels) changes = changes.first(changes.size() - 1);

  uint64_t counted = *pages;
  PageTree result{Child::absent, levels};
  if (Status status = rebuild(part_of(from), levels, changes, &result.root, &counted); !status.is_ok()) return status;
  if (Status status = lower(&result); !status.is_ok()) {
    unref(result);
    return status;
  }
  *to = result;
  *pages = counted;
  return Status::ok();
}

// The result is the caller's to hold.
Status PageTables::rebuild(const Part& old, unsigned level, std::span<const PageChange> changes, Child* result,
                           uint64_t* pages) {
  if (changes.empty() && (old.level == level || old.child == Child::absent)) {
    *result = old.child;
    const PageNumber number = number_of(old.child);
    return old.child == Child::absent ? Status::ok() : stores_.tables.ref(&number, 1);
  }
  Table table = read(old, level);
  uint64_t ours = 0;
  if (Status status = fill(old, level, changes, &table, &ours, pages); !status.is_ok()) {
    unref_children(level, table, ours);
    return status;
  }
  if (is_absent(table)) {
    *result = Child::absent;
    return Status::ok();
  }
  return keep(level, table, ours, result);
}

// Puts what changes into `table`; `ours` says in which slots the child is ours to hold.
Status PageTables::fill(const Part& old, unsigned level, std::span<const PageChange> changes, Table* table,
                        uint64_t* ours, uint64_t* pages) {
  // What stands for a higher table must become one even where nothing changes.
  const bool rises = old.level < level && old.child != Child::absent;
  Status status = Status::ok();
  for (size_t slot = 0; slot < kFanOut; ++slot) {
    size_t count = 0;
    while (count < changes.size() && slot_of(changes[count].place, level) == slot) ++count;
    const auto here = changes.first(count);
    changes = changes.subspan(count);
    if (here.empty() && !(rises && slot == 0)) continue;
    if (level == 1) {
      *pages += (here[0].page != Child::absent) - ((*table)[slot] != Child::absent);
      (*table)[slot] = here[0].page;
      *ours |= bit(slot);
    } else if (status.is_ok()) {
      const Part part = child_in(old, level, *table, slot);
      status = rebuild(part, level - 1, here, &(*table)[slot], pages);
      if (status.is_ok()) *ours |= bit(slot);
    } else {
      unref_pages(here);
    }
  }
  return status;
}

Status PageTables::keep(unsigned level, const Table& table, uint64_t ours, Child* result) {
  PageStore& store = stores_.tables;
  PageNumber number;
  Status status = store.store(reinterpret_cast<const std::byte*>(table.data()), 1, &number);
  if (!status.is_ok()) {
    unref_children(level, table, ours);
    return status;
  }
  PageStore::Count count = 0;
  status = store.count_of(index_of(number), &count);
  if (count > 1) {
    // Stored before: that table holds references of its own.
    unref_children(level, table, ours);
  } else if (status = ref_children(level, table, ~ours); !status.is_ok()) {
    static_cast<void>(store.unref(&number, 1));
    unref_children(level, table, ours);
    return status;
  }
  *result = table_child(number);
  return Status::ok();
}

Status PageTables::ref_children(unsigned level, const Table& table, uint64_t slots) {
  PageNumber numbers[kFanOut];
  size_t count = 0;
  for (size_t slot = 0; slot < kFanOut; ++slot) {
    if ((slots & bit(slot)) != 0 && table[slot] != Child::absent) numbers[count++] = number_of(table[slot]);
  }
  PageStore& store = level == 1 ? stores_.pages : stores_.tables;
  return store.ref(numbers, count);
}

void PageTables::unref_children(unsigned level, const Table& table, uint64_t slots) {
  for (size_t slot = 0; slot < kFanOut; ++slot) {
    if ((slots & bit(slot)) != 0) unref(level - 1, table[slot]);
  }
}

// Whether a reference that we hold is there cannot be doubted, except for a page's: JavaScript may have
// released more than its own.
void PageTables::unref(unsigned level, Child child) {
  if (child == Child::absent) return;
  const PageNumber number = number_of(child);
  if (level == 0) {
    static_cast<void>(stores_.pages.unref(&number, 1));
    return;
  }
  PageStore& store = stores_.tables;
  PageStore::Count count = 0;
  static_cast<void>(store.count_of(index_of(number), &count));
  const bool is_last = count == 1;
  const Table table = is_last ? read({child, level}, level) : Table{};
  static_cast<void>(store.unref(&number, 1));
  if (is_last) unref_children(level, table, ~uint64_t{0});
}

void PageTables::unref_pages(std::span<const PageChange> changes) {
  for (const PageChange& change : changes) unref(0, change.page);
}

Status PageTables::ref(const PageTree& tree) {
  if (tree.root == Child::absent) return Status::ok();
  const PageNumber number = number_of(tree.root);
  return stores_.tables.ref(&number, 1);
}

void PageTables::unref(const PageTree& tree) {
  unref(tree.levels, tree.root);
}

// Takes off levels that say nothing: equal pages make equal trees only at the least height.
Status PageTables::lower(PageTree* tree) {
  while (tree->root != Child::absent && tree->levels > kFewestLevels) {
    const Table table = read(part_of(*tree), tree->levels);
    for (size_t slot = 1; slot < kFanOut; ++slot) {
      if (table[slot] != Child::absent) return Status::ok();
    }
    const PageTree lower{table[0], tree->levels - 1};
    if (Status status = ref(lower); !status.is_ok()) return status;
    unref(*tree);
    *tree = lower;
  }
  if (tree->root == Child::absent) tree->levels = 0;
  return Status::ok();
}

Child PageTables::page_at(const PageTree& tree, VirtualPage place) const {
  return leaf_at(tree, place)[place % kFanOut];
}

PageTables::Leaf PageTables::leaf_at(const PageTree& tree, VirtualPage place) const {
  if (tree.root == Child::absent || levels_for(place) > tree.levels) return {};
  Child child = tree.root;
  for (unsigned level = tree.levels; level > 1 && child != Child::absent; --level) {
    const std::byte* table = stores_.tables.bytes(number_of(child));
    memcpy(&child, table + slot_of(place, level) * sizeof(Child), sizeof(Child));
  }
  return read({child, 1}, 1);
}

}  // namespace pagestore

#include "snapshot/page_table.h"

#include <bit>
#include <cstring>

namespace pagestore {

namespace {

constexpr unsigned kFewestLevels = 1;
constexpr uint64_t kAllSlots = ~uint64_t{0};

unsigned levels_for(VirtualPage virtual_page) {
  const unsigned bits = static_cast<unsigned>(std::bit_width(virtual_page));
  const unsigned levels = (bits + kFanOutBits - 1) / kFanOutBits;
  return levels < kFewestLevels ? kFewestLevels : levels;
}

size_t slot_of(VirtualPage virtual_page, unsigned level) {
  const unsigned shift = (level - 1) * kFanOutBits;
  return static_cast<size_t>(virtual_page >> shift) % kFanOut;
}

[[maybe_unused]] bool is_rising(std::span<const PageChange> changes) {
  for (size_t i = 1; i < changes.size(); ++i) {
    if (changes[i - 1].virtual_page >= changes[i].virtual_page) return false;
  }
  return true;
}

constexpr uint64_t bit(size_t slot) {
  return uint64_t{1} << slot;
}

}  // namespace

// A table that is being made. It owns the reference on each child that was put into it; the others are the old table's.
class PageTables::Draft {
 public:
  Draft(PageTables& tables, const Part& old, unsigned level)
      : tables_(tables), level_(level), table_(tables.read(old, level)) {}
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;
  ~Draft() { tables_.unref_children(level_, table_, owned_); }

  unsigned level() const { return level_; }
  const Table& table() const { return table_; }
  const std::byte* bytes() const { return reinterpret_cast<const std::byte*>(table_.data()); }
  bool is_absent() const {
    for (const Child child : table_) {
      if (child != Child::absent) return false;
    }
    return true;
  }

  // Takes over the caller's reference on `child`.
  void put(size_t slot, Child child) {
    PS_ASSERT(child == Child::absent || is_table(child) == (level_ > 1));
    table_[slot] = child;
    owned_ |= bit(slot);
  }

  // The stored table, which nobody had before, takes over the references, and gets those that it lacks.
  Status hand_over() {
    const Status status = tables_.ref_children(level_, table_, ~owned_);
    if (status.is_ok()) owned_ = 0;
    return status;
  }

 private:
  PageTables& tables_;
  unsigned level_;
  Table table_;
  uint64_t owned_ = 0;  // a bit for each slot
};

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

Status PageTables::edit(const PageTree& from, std::span<PageChange> changes, OwnedTree* to, uint64_t* pages) {
  unsigned levels = from.levels < kFewestLevels ? kFewestLevels : from.levels;
  for (const PageChange& change : changes) {
    if (change.page != Child::absent && levels_for(change.virtual_page) > levels) {
      levels = levels_for(change.virtual_page);
    }
  }
  // A zero page outside of the tree is one already.
  while (!changes.empty() && levels_for(changes.back().virtual_page) > levels) {
    changes = changes.first(changes.size() - 1);
  }

  PS_ASSERT(is_rising(changes));
  uint64_t counted = *pages;
  Child root;
  if (Status status = rebuild(part_of(from), levels, changes, &root, &counted); !status.is_ok()) return status;
  OwnedTree result(stores_, {root, levels});
  if (Status status = lower(&result); !status.is_ok()) return status;
  *to = std::move(result);
  *pages = counted;
  return Status::ok();
}

// The reference on the result is the caller's.
Status PageTables::rebuild(const Part& old, unsigned level, std::span<PageChange> changes, Child* result,
                           uint64_t* pages) {
  if (changes.empty() && (old.level == level || old.child == Child::absent)) {
    *result = old.child;
    return ref({old.child, old.level});
  }
  Draft draft(*this, old, level);
  if (Status status = fill(old, changes, &draft, pages); !status.is_ok()) return status;
  return store(&draft, result);
}

// Puts what changes into the draft.
Status PageTables::fill(const Part& old, std::span<PageChange> changes, Draft* draft, uint64_t* pages) {
  const unsigned level = draft->level();
  // The root of a lower tree gets tables above it even where nothing changes.
  const bool rises = old.level < level && old.child != Child::absent;
  for (size_t slot = 0; slot < kFanOut; ++slot) {
    size_t count = 0;
    while (count < changes.size() && slot_of(changes[count].virtual_page, level) == slot) ++count;
    const auto here = changes.first(count);
    changes = changes.subspan(count);
    if (here.empty() && !(rises && slot == 0)) continue;
    if (level == 1) {
      *pages += (here[0].page != Child::absent) - (draft->table()[slot] != Child::absent);
      draft->put(slot, std::exchange(here[0].page, Child::absent));
      continue;
    }
    Child child;
    const Part part = child_in(old, level, draft->table(), slot);
    if (Status status = rebuild(part, level - 1, here, &child, pages); !status.is_ok()) return status;
    draft->put(slot, child);
  }
  return Status::ok();
}

Status PageTables::store(Draft* draft, Child* result) {
  *result = Child::absent;
  if (draft->is_absent()) return Status::ok();
  PageStore& store = stores_.tables;
  PageNumber number;
  if (Status status = store.store(Holder::snapshot, draft->bytes(), 1, &number); !status.is_ok()) return status;
  PageStore::Counts counts;
  Status status = store.counts_of(index_of(number), &counts);
  // A table that was stored before has references of its own, and the draft gives back those that it owns.
  if (counts.snapshots == 1) status = draft->hand_over();
  if (status.is_ok()) {
    *result = table_child(number);
  } else {
    static_cast<void>(store.unref(Holder::snapshot, &number, 1));
  }
  return status;
}

Status PageTables::ref_children(unsigned level, const Table& table, uint64_t slots) {
  PageNumber numbers[kFanOut];
  size_t count = 0;
  for (size_t slot = 0; slot < kFanOut; ++slot) {
    if ((slots & bit(slot)) != 0 && table[slot] != Child::absent) numbers[count++] = number_of(table[slot]);
  }
  PageStore& store = level == 1 ? stores_.pages : stores_.tables;
  return store.ref(Holder::snapshot, numbers, count);
}

void PageTables::unref_children(unsigned level, const Table& table, uint64_t slots) {
  for (size_t slot = 0; slot < kFanOut; ++slot) {
    if ((slots & bit(slot)) != 0) unref(level - 1, table[slot]);
  }
}

// The reference is there, unless the store is damaged.
void PageTables::unref(unsigned level, Child child) {
  if (child == Child::absent) return;
  const PageNumber number = number_of(child);
  if (level == 0) {
    static_cast<void>(stores_.pages.unref(Holder::snapshot, &number, 1));
    return;
  }
  PageStore& store = stores_.tables;
  PageStore::Counts counts;
  static_cast<void>(store.counts_of(index_of(number), &counts));
  const bool is_last = counts.snapshots == 1;
  const Table table = is_last ? read({child, level}, level) : Table{};
  static_cast<void>(store.unref(Holder::snapshot, &number, 1));
  if (is_last) unref_children(level, table, kAllSlots);
}

Status PageTables::ref(const PageTree& tree) {
  if (tree.root == Child::absent) return Status::ok();
  const PageNumber number = number_of(tree.root);
  return stores_.tables.ref(Holder::snapshot, &number, 1);
}

// Takes off levels that say nothing: equal pages make equal trees only at the least height.
Status PageTables::lower(OwnedTree* tree) {
  for (;;) {
    const PageTree top = tree->get();
    if (top.root == Child::absent || top.levels == kFewestLevels) break;
    const Table table = read(part_of(top), top.levels);
    for (size_t slot = 1; slot < kFanOut; ++slot) {
      if (table[slot] != Child::absent) return Status::ok();
    }
    OwnedTree lower;
    if (Status status = OwnedTree::ref(stores_, {table[0], top.levels - 1}, &lower); !status.is_ok()) return status;
    *tree = std::move(lower);
  }
  if (tree->get().root == Child::absent) *tree = {};
  return Status::ok();
}

Child PageTables::page_at(const PageTree& tree, VirtualPage virtual_page) const {
  return leaf_at(tree, virtual_page)[virtual_page % kFanOut];
}

PageTables::Leaf PageTables::leaf_at(const PageTree& tree, VirtualPage virtual_page) const {
  if (tree.root == Child::absent || levels_for(virtual_page) > tree.levels) return {};
  Child child = tree.root;
  for (unsigned level = tree.levels; level > 1 && child != Child::absent; --level) {
    const std::byte* table = stores_.tables.bytes(number_of(child));
    memcpy(&child, table + slot_of(virtual_page, level) * sizeof(Child), sizeof(Child));
  }
  return read({child, 1}, 1);
}

}  // namespace pagestore

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
  Draft(PageTables& tables, unsigned level) : tables_(tables), level_(level) {}
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;
  ~Draft() { static_cast<void>(tables_.unref_children(level_, table_, owned_)); }

  // First of all.
  Status read(const Part& old) { return tables_.read(old, level_, &table_); }

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
  Table table_{};
  uint64_t owned_ = 0;  // a bit for each slot
};

Status PageTables::read(const Part& part, unsigned level, Table* table) const {
  *table = {};
  if (part.child == Child::absent) return Status::ok();
  if (part.level == level) return checked_.read(part.child, level, table);
  (*table)[0] = part.child;
  return Status::ok();
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
  stores_.pages_put += changes.size();
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
  Draft draft(*this, level);
  if (Status status = draft.read(old); !status.is_ok()) return status;
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
  // A table that was stored before has references of its own, and the draft gives back those that it owns.
  Status status = Status::ok();
  if (store.count_of(Holder::snapshot, number) == 1) status = draft->hand_over();
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
    if ((slots & bit(slot)) == 0 || table[slot] == Child::absent) continue;
    if (!checked_.is_intact(table[slot], level - 1)) return CheckedTables::damage(table[slot], level - 1);
    numbers[count++] = number_of(table[slot]);
  }
  PageStore& store = level == 1 ? stores_.pages : stores_.tables;
  return store.ref(Holder::snapshot, numbers, count);
}

// Gives back all that is there, also where something is not.
Status PageTables::unref_children(unsigned level, const Table& table, uint64_t slots) {
  Status result = Status::ok();
  for (size_t slot = 0; slot < kFanOut; ++slot) {
    if ((slots & bit(slot)) == 0 || table[slot] == Child::absent) continue;
    Status status = unref(level - 1, table[slot]);
    if (result.is_ok()) result = status;
  }
  return result;
}

Status PageTables::unref(unsigned level, Child child) {
  if (child == Child::absent) return Status::ok();
  if (!checked_.is_intact(child, level)) return CheckedTables::damage(child, level);
  const PageNumber number = number_of(child);
  if (level == 0) return stores_.pages.unref(Holder::snapshot, &number, 1);
  PageStore& store = stores_.tables;
  const bool is_last = store.count_of(Holder::snapshot, number) == 1;
  Table table;
  if (is_last) memcpy(table.data(), store.bytes(number), kTableBytes);
  // First, so that a table which leads back to itself is not given back twice.
  Status status = store.unref(Holder::snapshot, &number, 1);
  return status.is_ok() && is_last ? unref_children(level, table, kAllSlots) : status;
}

Status PageTables::ref(const PageTree& tree) {
  if (tree.root == Child::absent) return Status::ok();
  if (Status status = checked_.check(tree.root, tree.levels); !status.is_ok()) return status;
  const PageNumber number = number_of(tree.root);
  return stores_.tables.ref(Holder::snapshot, &number, 1);
}

// Takes off levels that say nothing: equal pages make equal trees only at the least height.
Status PageTables::lower(OwnedTree* tree) {
  for (;;) {
    const PageTree top = tree->get();
    if (top.root == Child::absent || top.levels == kFewestLevels) break;
    Table table;
    if (Status status = read(part_of(top), top.levels, &table); !status.is_ok()) return status;
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

Status PageTables::page_at(const PageTree& tree, VirtualPage virtual_page, Child* page) const {
  Table leaf;
  if (Status status = leaf_at(tree, virtual_page, &leaf); !status.is_ok()) return status;
  *page = leaf[virtual_page % kFanOut];
  return *page == Child::absent ? Status::ok() : checked_.check(*page, 0);
}

Status PageTables::leaf_at(const PageTree& tree, VirtualPage virtual_page, Table* leaf) const {
  *leaf = {};
  if (tree.root == Child::absent || levels_for(virtual_page) > tree.levels) return Status::ok();
  Child child = tree.root;
  for (unsigned level = tree.levels; level > 1 && child != Child::absent; --level) {
    Status status = checked_.read_slot(child, level, slot_of(virtual_page, level), &child);
    if (!status.is_ok()) return status;
  }
  return read({child, 1}, 1, leaf);
}

}  // namespace pagestore

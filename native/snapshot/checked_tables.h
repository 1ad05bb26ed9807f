// Page tables as they are read: no number in one is believed.
//
// A number that is followed must be of the kind that its level asks for, a page or a table, and snapshots must have
// references on it. A table that is read as a whole has children of that kind alone, and at least one. Else the store
// is damaged: the call ends with that error, and no address was computed that is not the store's. What a table does not
// say is its level: one of another level is noticed where somebody goes down from it to the end.
//
// It leaves to its caller: to have the lock of the stores.
#pragma once

#include <array>

#include "snapshot/page_tree.h"
#include "system/status.h"

namespace pagestore {

class CheckedTables {
 public:
  using Table = std::array<Child, kFanOut>;

  explicit CheckedTables(const PageStores& stores) : stores_(stores) {}

  // Of a child that is not absent; level 0 is a page.
  bool is_intact(Child child, unsigned level) const {
    const PageStore& store = level > 0 ? stores_.tables : stores_.pages;
    return is_table(child) == (level > 0) && store.count_of(Holder::snapshot, number_of(child)) > 0;
  }
  Status check(Child child, unsigned level) const {
    return is_intact(child, level) ? Status::ok() : damage(child, level);
  }

  // Of the table `child`, which is not absent.
  Status read(Child child, unsigned level, Table* table) const;
  Status read_slot(Child child, unsigned level, size_t slot, Child* found) const;

  // What is wrong with a child that is not intact.
  static Status damage(Child child, unsigned level);

 private:
  const PageStores& stores_;
};

}  // namespace pagestore

#include "snapshot/checked_tables.h"

#include <cstring>

namespace pagestore {

namespace {

bool is_of_level(const CheckedTables::Table& table, unsigned level) {
  const uint32_t of_tables = level > 1 ? kIsTable : 0;
  uint32_t wrong = 0, all = 0;
  for (const Child child : table) {
    const auto value = static_cast<uint32_t>(child);
    wrong |= value == 0 ? 0 : (value ^ of_tables) & kIsTable;
    all |= value;
  }
  return wrong == 0 && all != 0;
}

}  // namespace

Status CheckedTables::read(Child child, unsigned level, Table* table) const {
  if (!is_intact(child, level)) return damage(child, level);
  memcpy(table->data(), stores_.tables.bytes(number_of(child)), kTableBytes);
  if (is_of_level(*table, level)) return Status::ok();
  return Status::damaged("a page table of another level", index_of(number_of(child)));
}

Status CheckedTables::read_slot(Child child, unsigned level, size_t slot, Child* found) const {
  if (!is_intact(child, level)) return damage(child, level);
  memcpy(found, stores_.tables.bytes(number_of(child)) + slot * sizeof(Child), sizeof(Child));
  return Status::ok();
}

Status CheckedTables::damage(Child child, unsigned level) {
  const size_t number = index_of(number_of(child));
  if (is_table(child) && level == 0) return Status::damaged("a page table where a page must be", number);
  if (!is_table(child) && level > 0) return Status::damaged("a page where a page table must be", number);
  return Status::damaged(level > 0 ? "a page table that is not stored" : "a page that is not stored", number);
}

}  // namespace pagestore

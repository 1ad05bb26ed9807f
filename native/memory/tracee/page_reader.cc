#include "memory/tracee/page_reader.h"

#include <utility>

#include "system/assert.h"
#include "system/page_size.h"
#include "system/phase_clock.h"

namespace pagestore {

Status PageReader::take(const DirtyRange& dirty) {
  const VirtualPage first = dirty.range.start / page_size(), end = dirty.range.end / page_size();
  PS_ASSERT(first >= end_);
  end_ = end;
  switch (dirty.kind) {
    case DirtyRange::Kind::written:
      return add(first, end, true);
    case DirtyRange::Kind::absent:
    case DirtyRange::Kind::unmapped:
      return remove(first, end);
    case DirtyRange::Kind::untracked:
    case DirtyRange::Kind::untracked_file:
      break;
  }
  return take_untracked(dirty);
}

Status PageReader::take_untracked(const DirtyRange& dirty) {
  if (Status status = tracker_.find_existing(dirty, untouched_, &runs_); !status.is_ok()) return status;
  VirtualPage next = dirty.range.start / page_size();
  for (const auto& [run, is_in_file] : runs_) {
    const VirtualPage first = run.start / page_size(), end = run.end / page_size();
    if (Status status = remove(next, first); !status.is_ok()) return status;
    Status status = is_in_file ? take_from_file(first, end) : add(first, end, false);
    if (!status.is_ok()) return status;
    next = end;
  }
  return remove(next, dirty.range.end / page_size());
}

Status PageReader::take_from_file(VirtualPage first, VirtualPage end) {
  if (Status status = flush(); !status.is_ok()) return status;
  for (VirtualPage page = first; page < end; ++page) {
    OwnedBlank blank;
    bool is_same;
    if (Status status = OwnedBlank::borrow(stores_.pages, &blank); !status.is_ok()) return status;
    const bool is_there = untouched_.read_from_file(page * page_size(), blank.bytes());
    Status status = is_there ? pages_.capture(page, std::move(blank), &is_same) : pages_.remove(page);
    if (!status.is_ok()) return status;
  }
  return Status::ok();
}

Status PageReader::finish(OwnedTree* tree, uint64_t* pages) {
  if (Status status = flush(); !status.is_ok()) return status;
  return pages_.finish(tree, pages);
}

Status PageReader::add(VirtualPage first, VirtualPage end, bool was_written) {
  for (VirtualPage page = first; page < end; ++page) {
    was_written_[count_] = was_written;
    numbers_[count_++] = page;
    if (count_ < kMost) continue;
    if (Status status = flush(); !status.is_ok()) return status;
  }
  return Status::ok();
}

Status PageReader::remove(VirtualPage first, VirtualPage end) {
  // Where there was nothing, what waits to be read goes on waiting.
  if (first >= end) return Status::ok();
  bool is_absent;
  if (Status status = pages_.is_absent(first, end, &is_absent); !status.is_ok() || is_absent) return status;
  if (Status status = flush(); !status.is_ok()) return status;
  return pages_.remove(first, end);
}

Status PageReader::flush() {
  const size_t count = std::exchange(count_, 0);
  if (count == 0) return Status::ok();
  OwnedBlanks blanks(stores_.pages);
  std::byte* slots[kMost];
  bool reached[kMost];
  if (Status status = blanks.borrow(count); !status.is_ok()) return status;
  for (size_t i = 0; i < count; ++i) slots[i] = blanks.bytes(i);
  {
    const InPhase phase(Phase::read);
    if (Status status = remote_.read({numbers_, count}, slots, reached); !status.is_ok()) return status;
  }
  for (size_t i = 0; i < count; ++i) {
    OwnedBlank blank = blanks.next();
    bool is_same = true;
    Status status = reached[i] ? pages_.capture(numbers_[i], std::move(blank), &is_same) : pages_.remove(numbers_[i]);
    if (!status.is_ok()) return status;
    if (was_written_[i]) tracker_.hot_pages().count(numbers_[i], is_same);
  }
  return Status::ok();
}

}  // namespace pagestore

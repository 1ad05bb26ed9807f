#include "snapshot/masks.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "snapshot/stored_bytes.h"

namespace pagestore {

Status Masks::ignore(const AddressRange& range) {
  is_stale_ = true;
  return ignored_.add(range);
}

Status Masks::track(const AddressRange& range) {
  if (tracked_.append(range)) return Status::ok();
  return Status::out_of_memory("realloc", (tracked_.size() + 1) * sizeof(AddressRange), ENOMEM);
}

void Masks::release(PageStores& stores) {
  PageTables tables(stores);
  tables.release(kept_memory_);
  tables.release(kept_masked_);
  kept_memory_ = kept_masked_ = {};
  is_stale_ = true;
}

Status Masks::apply(PageStores& stores, const PageTree& memory, PageTree* masked, PageTree* tracked) {
  PageTables tables(stores);
  PageTree result;
  if (ignored_.empty()) {
    result = memory;
    if (Status status = tables.hold(memory); !status.is_ok()) return status;
  } else {
    Status status = is_stale_ ? mask_all(stores, memory, &result) : mask_differences(stores, memory, &result);
    if (status.is_ok()) status = keep(stores, memory, result);
    if (!status.is_ok()) return status;
  }
  if (!tracked_.empty()) {
    if (Status status = gather(stores, memory, tracked); !status.is_ok()) {
      tables.release(result);
      return status;
    }
  }
  *masked = result;
  return Status::ok();
}

// Keeps a hold of its own on both.
Status Masks::keep(PageStores& stores, const PageTree& memory, const PageTree& masked) {
  PageTables tables(stores);
  Status status = tables.hold(memory);
  if (status.is_ok() && !(status = tables.hold(masked)).is_ok()) tables.release(memory);
  if (!status.is_ok()) {
    tables.release(masked);
    return status;
  }
  release(stores);
  kept_memory_ = memory;
  kept_masked_ = masked;
  is_stale_ = false;
  return Status::ok();
}

// The page that `page` is recognised as; the caller's to hold.
Status Masks::mask(PageStores& stores, VirtualPage place, Child page, Child* masked) const {
  *masked = page;
  if (page == Child::absent) return Status::ok();
  const AddressRange range{place * page_size(), (place + 1) * page_size()};
  const auto ignored = ignored_.overlapping(range);
  const PageNumber number = number_of(page);
  if (ignored.empty()) return stores.pages.ref(&number, 1);
  PageNumber blank;
  if (Status status = stores.pages.take_blanks(1, &blank); !status.is_ok()) return status;
  std::byte* copy = stores.pages.blank(blank);
  memcpy(copy, stores.pages.bytes(number), page_size());
  for (const AddressRange& each : ignored) {
    const uint64_t from = std::max(each.start, range.start), to = std::min(each.end, range.end);
    memset(copy + (from - range.start), 0, to - from);
  }
  return keep_page(stores.pages, blank, masked);
}

Status Masks::set_masked(PageStores& stores, VirtualPage place, Child page, TreeEdit* edit) const {
  Child masked;
  const Status status = mask(stores, place, page, &masked);
  return status.is_ok() ? edit->set(place, masked) : status;
}

Status Masks::mask_all(PageStores& stores, const PageTree& memory, PageTree* masked) const {
  TreeEdit edit(stores, memory, 0);
  Status status = Status::ok();
  const PageTables tables(stores);
  VirtualPage next = 0;  // two ranges may lie in one page
  for (const AddressRange& range : ignored_.ranges()) {
    tables.differences({}, memory, std::max(next, range.start / page_size()), (range.end - 1) / page_size(),
                       [&](VirtualPage place, Child, Child page) {
                         next = place + 1;
                         if (status.is_ok()) status = set_masked(stores, place, page, &edit);
                       });
  }
  uint64_t pages;
  return status.is_ok() ? edit.finish(masked, &pages) : status;
}

Status Masks::mask_differences(PageStores& stores, const PageTree& memory, PageTree* masked) const {
  TreeEdit edit(stores, kept_masked_, 0);
  Status status = Status::ok();
  PageTables(stores).differences(kept_memory_, memory, 0, UINT64_MAX, [&](VirtualPage place, Child, Child page) {
    if (status.is_ok()) status = set_masked(stores, place, page, &edit);
  });
  uint64_t pages;
  return status.is_ok() ? edit.finish(masked, &pages) : status;
}

// Each range's length, then its bytes: ranges of other lengths are another state.
Status Masks::gather(PageStores& stores, const PageTree& memory, PageTree* tracked) const {
  uint64_t bytes = 0;
  for (const AddressRange& range : tracked_) bytes += sizeof(uint64_t) + range.length();
  BytesWriter writer(stores, bytes);
  for (const AddressRange& range : tracked_) {
    const uint64_t length = range.length();
    Status status = writer.append(std::as_bytes(std::span(&length, 1)));
    if (status.is_ok()) status = writer.append(memory, range.start, length);
    if (!status.is_ok()) return status;
  }
  return writer.finish(tracked);
}

}  // namespace pagestore

#include "snapshot/masks.h"

#include <algorithm>
#include <cstring>

#include "snapshot/stored_bytes.h"

namespace pagestore {

Status Masks::ignore(const AddressRange& range) {
  return ignored_.add(range);
}

void Masks::release(PageStores& stores) {
  give_back(stores, &kept_memory_);
  give_back(stores, &kept_masked_);
  kept_ignored_ = {};
}

Status Masks::apply(PageStores& stores, const PageTree& memory, const Recognition& recognition, OwnedTree* ignored,
                    OwnedTree* tracked) {
  std::span<const AddressRange> counting;
  if (Status status = tracked_.find(recognition, &counting); !status.is_ok()) return status;
  RangeSet ranges;
  for (const std::span<const AddressRange> each : {ignored_.ranges(), recognition.ignored}) {
    if (Status status = ranges.add_all(each); !status.is_ok()) return status;
  }
  if (!ranges.empty()) {
    if (Status status = store_bytes(stores, std::as_bytes(ranges.ranges()), ignored); !status.is_ok()) return status;
  }
  return counting.empty() ? Status::ok() : gather(stores, memory, counting, tracked);
}

Status Masks::mask(PageStores& stores, const PageTree& memory, const PageTree& ignored, OwnedTree* masked) {
  RangeSet ranges;
  GrowingArray<std::byte> bytes;
  if (Status status = read_stored_bytes(stores, ignored, &bytes); !status.is_ok()) return status;
  const std::span stored(reinterpret_cast<const AddressRange*>(bytes.data()), bytes.size() / sizeof(AddressRange));
  if (Status status = ranges.add_all(stored); !status.is_ok()) return status;
  if (ranges.empty() && kept_ignored_.empty()) return OwnedTree::ref(stores, memory, masked);
  OwnedTree result;
  if (Status status = mask_changed(stores, memory, ranges, &result); !status.is_ok()) return status;
  if (Status status = remember(stores, memory, result.get(), std::move(ranges)); !status.is_ok()) return status;
  *masked = std::move(result);
  return Status::ok();
}

// With references of its own on both trees.
Status Masks::remember(PageStores& stores, const PageTree& memory, const PageTree& masked, RangeSet ignored) {
  OwnedTree our_memory, our_masked;
  if (Status status = OwnedTree::ref(stores, memory, &our_memory); !status.is_ok()) return status;
  if (Status status = OwnedTree::ref(stores, masked, &our_masked); !status.is_ok()) return status;
  replace(stores, &kept_memory_, std::move(our_memory));
  replace(stores, &kept_masked_, std::move(our_masked));
  kept_ignored_ = std::move(ignored);
  return Status::ok();
}

// What `page` is recognised as.
Status Masks::mask_page(PageStores& stores, const RangeSet& ignored, const MemoryPage& page, OwnedPage* masked) {
  *masked = {};
  if (page.page == Child::absent) return Status::ok();
  const AddressRange range{page.virtual_page * page_size(), (page.virtual_page + 1) * page_size()};
  const auto here = ignored.overlapping(range);
  if (here.empty()) return OwnedPage::ref(stores.pages, page.page, masked);
  if (here[0].start <= range.start && here[0].end >= range.end) return Status::ok();
  OwnedBlank copy;
  if (Status status = OwnedBlank::borrow(stores.pages, &copy); !status.is_ok()) return status;
  memcpy(copy.bytes(), stores.pages.bytes(number_of(page.page)), page_size());
  for (const AddressRange& each : here) {
    const uint64_t from = std::max(each.start, range.start), to = std::min(each.end, range.end);
    memset(copy.bytes() + (from - range.start), 0, to - from);
  }
  return OwnedPage::keep(std::move(copy), masked);
}

// The pages of `memory` that may be masked otherwise than those that are kept, in rising order; some twice.
Status Masks::find_changed(PageStores& stores, const PageTree& memory, const RangeSet& ignored,
                           GrowingArray<MemoryPage>* changed) const {
  const PageTables tables(stores);
  const auto note = [&](VirtualPage virtual_page, Child, Child page) {
    const bool fits = changed->append({virtual_page, page});
    return fits ? Status::ok() : Status::no_memory(changed->size() * sizeof(MemoryPage));
  };
  if (!kept_ignored_.empty()) {
    Status status = tables.differences(kept_memory_, memory, 0, UINT64_MAX, note);
    if (!status.is_ok()) return status;
  }
  const size_t sorted = changed->size();
  GrowingArray<AddressRange> either;
  if (!append_symmetric_difference(kept_ignored_, ignored, &either)) {
    return Status::no_memory((kept_ignored_.ranges().size() + ignored.ranges().size()) * sizeof(AddressRange));
  }
  for (const AddressRange& range : either) {
    const VirtualPage first = range.start / page_size(), last = (range.end - 1) / page_size();
    if (Status status = tables.differences({}, memory, first, last, note); !status.is_ok()) return status;
  }
  if (changed->size() > sorted) {
    std::sort(changed->begin(), changed->end(),
              [](const MemoryPage& a, const MemoryPage& b) { return a.virtual_page < b.virtual_page; });
  }
  return Status::ok();
}

Status Masks::mask_changed(PageStores& stores, const PageTree& memory, const RangeSet& ignored,
                           OwnedTree* masked) const {
  GrowingArray<MemoryPage> changed;
  if (Status status = find_changed(stores, memory, ignored, &changed); !status.is_ok()) return status;
  TreeEdit edit(stores, kept_ignored_.empty() ? memory : kept_masked_, 0);
  VirtualPage last = UINT64_MAX;
  for (const MemoryPage& each : changed) {
    if (std::exchange(last, each.virtual_page) == each.virtual_page) continue;
    OwnedPage page;
    if (Status status = mask_page(stores, ignored, each, &page); !status.is_ok()) return status;
    if (Status status = edit.set(each.virtual_page, std::move(page)); !status.is_ok()) return status;
  }
  uint64_t pages;
  return edit.finish(masked, &pages);
}

// Each range's length, then its bytes: ranges of other lengths are another state. Where ranges overlap, their places
// instead, and each byte once: however many ranges share a byte, it costs nothing more.
Status Masks::gather(PageStores& stores, const PageTree& memory, std::span<const AddressRange> ranges,
                     OwnedTree* tracked) {
  uint64_t bytes = 0;
  for (const AddressRange& range : ranges) {
    const uint64_t size = sizeof(uint64_t) + range.length();
    if (size < range.length() || __builtin_add_overflow(bytes, size, &bytes)) {
      return Status::refused(Error::address, range.start, range.length());
    }
  }
  RangeSet all;
  if (Status status = all.add_all(ranges); !status.is_ok()) return status;
  uint64_t distinct = 0;
  for (const AddressRange& range : all.ranges()) distinct += range.length();
  if (distinct + ranges.size() * sizeof(uint64_t) < bytes) return gather_once(stores, memory, ranges, all, tracked);
  BytesWriter writer(stores, bytes);
  for (const AddressRange& range : ranges) {
    const uint64_t length = range.length();
    const auto length_bytes = std::as_bytes(std::span(&length, 1));
    if (Status status = writer.append(length_bytes); !status.is_ok()) return status;
    if (Status status = writer.append(memory, range.start, length); !status.is_ok()) return status;
  }
  return writer.finish(tracked);
}

// No range is so long as the number that comes first here.
Status Masks::gather_once(PageStores& stores, const PageTree& memory, std::span<const AddressRange> ranges,
                          const RangeSet& all, OwnedTree* tracked) {
  const uint64_t head[] = {UINT64_MAX, ranges.size()};
  uint64_t bytes = sizeof(head) + ranges.size_bytes();
  for (const AddressRange& range : all.ranges()) bytes += range.length();
  BytesWriter writer(stores, bytes);
  if (Status status = writer.append(std::as_bytes(std::span(head))); !status.is_ok()) return status;
  if (Status status = writer.append(std::as_bytes(ranges)); !status.is_ok()) return status;
  for (const AddressRange& range : all.ranges()) {
    if (Status status = writer.append(memory, range.start, range.length()); !status.is_ok()) return status;
  }
  return writer.finish(tracked);
}

}  // namespace pagestore

#include "snapshot/stored_regions.h"

#include "snapshot/stored_bytes.h"

namespace pagestore {

namespace {

// Goes over captured regions without their paths, until `visit` returns false.
template <typename Visit>
void for_each_range(PageStores& stores, const PageTree& regions, Visit visit) {
  const uint64_t length = stored_length(stores, regions);
  RegionHeader header;
  for (uint64_t at = 0; at < length; at += header.bytes()) {
    read_stored_bytes(stores, regions, at, std::as_writable_bytes(std::span(&header, 1)));
    if (header.is_captured != 0 && !visit(AddressRange{header.start, header.end})) return;
  }
}

}  // namespace

Status read_regions(PageStores& stores, const PageTree& regions, GrowingArray<std::byte>* bytes) {
  const uint64_t length = stored_length(stores, regions);
  if (!bytes->resize(length)) return Status::no_memory(length);
  read_stored_bytes(stores, regions, 0, {bytes->data(), length});
  return Status::ok();
}

Status check_covered(PageStores& stores, const PageTree& regions, const AddressRange& range) {
  uint64_t reached = range.start;
  for_each_range(stores, regions, [&](const AddressRange& region) {
    if (region.start <= reached && reached < region.end) reached = region.end;
    return reached < range.end;
  });
  if (reached >= range.end) return Status::ok();
  return Status::refused(Error::address, reached, 0);
}

uint64_t end_of_regions(PageStores& stores, const PageTree& regions, uint64_t below) {
  uint64_t end = 0;
  for_each_range(stores, regions, [&](const AddressRange& region) {
    if (region.start < below) end = region.end;
    return true;
  });
  return end;
}

}  // namespace pagestore

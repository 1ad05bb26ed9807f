#include "snapshot/stored_regions.h"

namespace pagestore {

namespace {

// Goes over captured regions, until `visit` returns false.
template <typename Visit>
Status for_each_range(PageStores& stores, const PageTree& regions, Visit visit) {
  GrowingArray<std::byte> bytes;
  if (Status status = read_regions(stores, regions, &bytes); !status.is_ok()) return status;
  RegionReader reader({bytes.data(), bytes.size()});
  for (Region region; reader.next(&region);) {
    if (region.is_captured && !visit(AddressRange{region.start, region.end})) break;
  }
  return Status::ok();
}

}  // namespace

Status check_covered(PageStores& stores, const PageTree& regions, const AddressRange& range) {
  uint64_t reached = range.start;
  Status status = for_each_range(stores, regions, [&](const AddressRange& region) {
    if (region.start <= reached && reached < region.end) reached = region.end;
    return reached < range.end;
  });
  if (!status.is_ok() || reached >= range.end) return status;
  return Status::refused(Error::address, reached, 0);
}

Status find_end(PageStores& stores, const PageTree& regions, uint64_t below, uint64_t* end) {
  *end = 0;
  return for_each_range(stores, regions, [&](const AddressRange& region) {
    if (region.start < below) *end = region.end;
    return true;
  });
}

}  // namespace pagestore

#include "memory/tracee/counted_regions.h"

#include "system/page_size.h"

namespace pagestore {

Status CountedRegions::find(const RegionList& regions, uint64_t readings, const AddressRange& dead,
                            std::span<const std::byte>* counted) {
  const AddressRange left_out{dead.start, dead.end / page_size() * page_size()};
  if (dead.length() == 0) {
    *counted = regions.bytes();
    return Status::ok();
  }
  if (readings != readings_ || left_out != left_out_) {
    RegionReader reader(regions.bytes());
    Region region;
    readings_ = 0;
    list_.clear();
    while (reader.next(&region)) {
      if (region.start == left_out.start) region.start = left_out.end;
      if (region.start == region.end) continue;
      if (Status status = list_.add(region); !status.is_ok()) return status;
    }
    readings_ = readings;
    left_out_ = left_out;
  }
  *counted = list_.bytes();
  return Status::ok();
}

}  // namespace pagestore

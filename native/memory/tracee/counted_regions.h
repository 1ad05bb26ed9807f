// The regions of a tracee as far as they count in a key: all of them, but for the part of the first stack that is dead.
//
// A stack grows when the program comes deeper than ever, and never shrinks; how deep it once was is no state. The list
// is made anew only where it differs from the last one.
#pragma once

#include "system/region.h"

namespace pagestore {

class CountedRegions {
 public:
  // The list as its bytes, valid until the next call. `dead` begins where the stack's region does, or is empty.
  // `readings` is another number for each list of regions.
  Status find(const RegionList& regions, uint64_t readings, const AddressRange& dead,
              std::span<const std::byte>* counted);

 private:
  RegionList list_;
  uint64_t readings_ = 0;
  AddressRange left_out_{};
};

}  // namespace pagestore

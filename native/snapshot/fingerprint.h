// A name for a memory that does not depend on tree, store or machine: the 128-bit sum, over the pages that are not
// zero, of XXH3-128 of the page, seeded with its virtual page number.
//
// From a sum one can take out what differs and put in what it has become. So the fingerprint of one memory is
// remembered, and that of the next costs what differs between the two.
//
// It leaves to its caller: to have the stores' lock, and to call `release` at the end.
#pragma once

#include <cstdint>

#include "snapshot/page_table.h"
#include "system/assert.h"

namespace pagestore {

struct Fingerprint {
  uint64_t low = 0, high = 0;
  bool operator==(const Fingerprint&) const = default;
};

class Fingerprints {
 public:
  ~Fingerprints() { PS_ASSERT(memory_ == PageTree{}); }

  // The fingerprint of `memory`, which is remembered with a reference on the tree.
  Status of(PageStores& stores, const PageTree& memory, Fingerprint* fingerprint);

  // Gives back what is remembered.
  void release(PageStores& stores);

 private:
  PageTree memory_;
  Fingerprint fingerprint_;
};

}  // namespace pagestore

#include "snapshot/page_capture.h"

#include "store/page_copy.h"
#include "system/mapping.h"

namespace pagestore {

Status PageCapture::look_at(VirtualPage place, PageNumber blank, bool* is_same) {
  const Child known = known_.page_at(place);
  const std::byte* page = stores_.pages.blank(blank);
  *is_same = known != Child::absent && pages_equal(page, stores_.pages.bytes(number_of(known)), page_size());
  if (*is_same) {
    stores_.pages.give_back(&blank, 1);
    return Status::ok();
  }
  Child child;
  if (Status status = keep_page(stores_.pages, blank, &child); !status.is_ok()) return status;
  *is_same = child == known;
  return *is_same ? Status::ok() : edit_.set(place, child);
}

Status PageCapture::forget(VirtualPage first, VirtualPage end) {
  Status status = Status::ok();
  if (first >= end) return status;
  PageTables(stores_).differences(from_, {}, first, end - 1, [&](VirtualPage place, Child, Child) {
    if (status.is_ok()) status = remove(place);
  });
  return status;
}

}  // namespace pagestore

#include "snapshot/page_capture.h"

#include "store/page_copy.h"

namespace pagestore {

bool PageCapture::is_absent(VirtualPage first, VirtualPage end) const {
  bool is_absent = true;
  PageTables(stores_).differences({}, from_, first, end - 1, [&](VirtualPage, Child, Child) { is_absent = false; });
  return is_absent;
}

Status PageCapture::capture(VirtualPage virtual_page, OwnedBlank blank, bool* is_same) {
  const Child known = known_.page_at(virtual_page);
  *is_same = known != Child::absent && pages_equal(blank.bytes(), stores_.pages.bytes(number_of(known)), page_size());
  if (*is_same) return Status::ok();
  OwnedPage kept;
  if (Status status = OwnedPage::keep(std::move(blank), &kept); !status.is_ok()) return status;
  *is_same = kept.get() == known;
  return *is_same ? Status::ok() : edit_.set(virtual_page, std::move(kept));
}

}  // namespace pagestore
